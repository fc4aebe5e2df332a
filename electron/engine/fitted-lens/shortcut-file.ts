import packageJson from '#package.json' with { type: 'json' };
import { shortcutLensSchema, type FittedLens, type ShortcutLens } from '../lens-trace/lenses/fitted-lens.ts';
import { writeSafetensors } from '../weights/safetensors-writer.ts';
import type { AffineMap } from './affine-fit.ts';
import { withLensArrays, writeLabel, type LensArrays } from './lens-label.ts';

/** A linear shortcut: the logit lens of h + A[l] h + b[l], fitted in closed form to the stream after the last block. */
export interface Shortcut {
  readonly model: FittedLens['model'];
  readonly prompt: string;
  readonly maxPixels: number | null;
  readonly ridge: number;
  /** By layer 0…L − 1; at L the state is its own. */
  readonly maps: readonly AffineMap[];
  /** Positions that were fitted on: the image's and those after it. */
  readonly rows: number;
  /** SHA-256 of the files, in the order of the request. */
  readonly images: FittedLens['images'];
  /** On images that were not fitted on: over all those positions, and where the answer begins. */
  readonly error: ShortcutLens['error'];
}

export interface ShortcutFile {
  readonly lens: ShortcutLens;
  /** By layer 0…L − 1. */
  readonly maps: readonly AffineMap[];
}

/** What a person says of a shortcut. */
export type ShortcutLabel = Pick<FittedLens, 'name' | 'patients'>;

/**
 * Writes a safetensors file: `layers.l.matrix` [D, D] and `layers.l.bias` [D], float32, for l = 0…L − 1, and in its metadata
 * everything else as JSON under `lens`. A state is read as h + matrix · h + bias.
 *
 * @throws FundusLensError `output.unwritable`
 */
export async function writeShortcut(
  file: string,
  { maps, ...shortcut }: Shortcut,
  label: ShortcutLabel,
): Promise<ShortcutLens> {
  const lens = shortcutLensSchema.parse({
    ...{ kind: 'shortcut', ...label, ...shortcut },
    ...{ softwareVersion: packageJson.version, createdAt: new Date().toISOString() },
  });
  const tensors = maps.flatMap(({ matrix, bias }, layer) => [
    {
      ...{ name: `layers.${layer}.matrix`, dtype: 'F32' as const },
      ...{ shape: [bias.length, bias.length], parts: [matrix] },
    },
    { name: `layers.${layer}.bias`, dtype: 'F32' as const, shape: [bias.length], parts: [bias] },
  ]);
  await writeSafetensors(file, tensors, writeLabel(lens));
  return lens;
}

/**
 * @param name what the file is called in an error
 * @throws FundusLensError `lens.file-damaged` for anything that is not a whole shortcut, `lens.newer-version`
 */
export function readShortcut(file: string, name = file): Promise<ShortcutFile> {
  return withLensArrays(file, name, async (arrays) => {
    const { lens } = arrays;
    if (lens.kind !== 'shortcut') throw new RangeError(`a lens of the kind "${lens.kind}"`);
    return { lens, maps: await readMaps(lens, arrays) };
  });
}

/** @throws RangeError for arrays that are not those of a shortcut */
export async function readMaps(
  { model: { numLayers, dModel } }: ShortcutLens,
  { numArrays, read }: LensArrays,
): Promise<AffineMap[]> {
  if (numArrays !== 2 * numLayers) throw new RangeError(`${numArrays} arrays for ${numLayers} layers`);
  const maps: AffineMap[] = [];
  for (let layer = 0; layer < numLayers; layer++)
    maps.push({
      matrix: await read(`layers.${layer}.matrix`, [dModel, dModel]),
      bias: await read(`layers.${layer}.bias`, [dModel]),
    });
  return maps;
}
