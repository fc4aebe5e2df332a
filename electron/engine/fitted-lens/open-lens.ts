import { FundusLensError } from '../../contract/errors.ts';
import type { Lens } from '../lens/lens.ts';
import type { FittedLens } from '../lens-trace/lenses/fitted-lens.ts';
import type { LoadedModel } from '../model/model.ts';
import { applyAffine, type AffineMap } from './affine-fit.ts';
import { hashFile } from './hash-file.ts';
import { applyMatrix, readMatrices } from './jacobian-file.ts';
import { withLensArrays } from './lens-label.ts';
import { readMaps } from './shortcut-file.ts';

export interface LensContent {
  readonly lens: FittedLens;
  readonly map: Lens['map'];
}

/**
 * Reads the whole of a lens's file.
 *
 * @param name what the file is called in an error
 * @throws FundusLensError `lens.file-damaged` for anything that is not a whole lens, `lens.newer-version`
 */
export function readLensFile(file: string, name = file): Promise<LensContent> {
  return withLensArrays(file, name, async (arrays) => {
    const { lens } = arrays;
    if (lens.kind === 'shortcut') return { lens, map: mapThrough(await readMaps(lens, arrays)) };
    const matrices = await readMatrices(lens, arrays);
    const map: Lens['map'] = (layer, rows) => {
      const matrix = matrices[layer] ?? null;
      return matrix === null ? rows : applyMatrix(matrix, rows, lens.model.dModel);
    };
    return { lens, map };
  });
}

/**
 * A fitted lens's file as the lens of a model. At the last layer it is the model's own distribution, as every lens is.
 *
 * @throws FundusLensError `lens.other-model` for one that was fitted to other weights, `lens.file-damaged`, `lens.newer-version`
 */
export async function openLens(
  file: string,
  {
    fingerprint,
    checkpoint,
  }: Pick<LoadedModel, 'fingerprint'> & {
    readonly checkpoint: Pick<LoadedModel['checkpoint'], 'id' | 'config'>;
  },
): Promise<Lens> {
  const { lens, map } = await readLensFile(file);
  const { numLayers, dModel } = checkpoint.config.decoder;
  const { model, name, prompt, patients, images } = lens;
  if (model.sha256 !== fingerprint.sha256 || model.numLayers !== numLayers || model.dModel !== dModel)
    throw new FundusLensError('lens.other-model', `The lens "${name}" belongs to another model.`, {
      expected: `states of ${model.id} (${model.sha256.slice(0, 12)}…), ${model.numLayers} layers of ${model.dModel}`,
      found: `states of ${checkpoint.id} (${fingerprint.sha256.slice(0, 12)}…), ${numLayers} layers of ${dModel}`,
      advice: 'Trace with the model that the lens was fitted to, or fit a lens for this one.',
    });
  const sha256 = await hashFile(file);
  const numFitted = lens.kind === 'jacobian' ? lens.numPrompts : images.fitted.length;
  const layers = lens.kind === 'jacobian' ? new Set(lens.layers) : null;
  return {
    kind: lens.kind,
    key: `${lens.kind}:${sha256}`,
    fitted: {
      label: { name, prompt, patients, sha256, numFitted, numHeldOut: images.heldOut.length },
      images: new Set(images.fitted),
      unfitted:
        layers === null ? [] : Array.from({ length: numLayers }, (_, l) => l).filter((l) => !layers.has(l)),
    },
    map,
  };
}

/** After the last map the state is its own. */
export function mapThrough(maps: readonly AffineMap[]): Lens['map'] {
  return (layer, rows) => {
    const map = maps[layer];
    return map === undefined ? rows : applyAffine(map, rows);
  };
}
