import type { TraceFittedLens } from '../lens-trace/lenses/fitted-lens.ts';
import type { LensKind } from '../lens-trace/lens-trace.ts';

/** What a hidden state goes through before it is unembedded. */
export interface Lens {
  readonly kind: LensKind;
  /** Equal for lenses that give equal numbers. */
  readonly key: string;
  /** null for a lens that nothing was fitted for. */
  readonly fitted: {
    readonly label: TraceFittedLens;
    readonly images: ReadonlySet<string>;
    /** Layers before the last that nothing was fitted for, and that are read by the logit lens. */
    readonly unfitted: readonly number[];
  } | null;
  /**
   * @param layer 0…L; at L the rows are their own
   * @param rows float32 [R, D], pre-norm
   * @returns float32 [R, D], pre-norm
   */
  map(layer: number, rows: Float32Array): Float32Array;
}

const plainLens = (kind: 'logit' | 'raw'): Lens => ({
  kind,
  key: kind,
  fitted: null,
  map: (_, rows) => rows,
});

export const plainLensOf = { logit: plainLens('logit'), raw: plainLens('raw') } as const;

/**
 * By layer 0…L, whether the final norm is left out: under the raw lens everywhere but at the last layer, which the notebook
 * had from transformers already normed.
 */
export function skipNorms({ kind }: Pick<Lens, 'kind'>, numLayers: number): boolean[] {
  return Array.from({ length: numLayers }, (_, layer) => kind === 'raw' && layer < numLayers - 1);
}

/**
 * Some positions of every layer, as they are unembedded.
 *
 * @param residual by layer 0…L, float32 [P, D]
 * @returns by layer, float32 [count, D]
 */
export function mapRows(
  lens: Pick<Lens, 'map'>,
  residual: readonly Float32Array[],
  dModel: number,
  start = 0,
  count = residual[0]!.length / dModel - start,
): Float32Array[] {
  return residual.map((rows, layer) =>
    lens.map(layer, rows.subarray(start * dModel, (start + count) * dModel)),
  );
}
