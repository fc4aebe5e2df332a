import { open, type FileHandle } from 'node:fs/promises';
import packageJson from '#package.json' with { type: 'json' };
import { FundusLensError } from '../../contract/errors.ts';
import { fittedLensSchema, type FittedLens } from '../lens-trace/lenses/fitted-lens.ts';
import { readSafetensors, type TensorView } from '../weights/safetensors.ts';
import { writeSafetensors } from '../weights/safetensors-writer.ts';
import type { AffineMap } from './affine-fit.ts';

/** Version of the file's layout; files of a later one are refused. */
const fileVersion = 1;
const format = 'fundus-lens-shortcut';

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
  readonly error: FittedLens['error'];
}

export interface ShortcutFile {
  readonly lens: FittedLens;
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
): Promise<FittedLens> {
  const lens = fittedLensSchema.parse({
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
  await writeSafetensors(file, tensors, {
    ...{ format, version: String(fileVersion) },
    lens: JSON.stringify(lens),
  });
  return lens;
}

/**
 * @param name what the file is called in an error
 * @throws FundusLensError `lens.file-damaged` for anything that is not a whole shortcut, `lens.newer-version`
 */
export async function readShortcut(file: string, name = file): Promise<ShortcutFile> {
  try {
    const { views, metadata } = await readSafetensors(file);
    const lens = readLabel(metadata, name);
    const { numLayers, dModel } = lens.model;
    if (views.size !== 2 * numLayers) throw new RangeError(`${views.size} arrays for ${numLayers} layers`);
    const handle = await open(file, 'r');
    try {
      const maps: AffineMap[] = [];
      for (let layer = 0; layer < numLayers; layer++) {
        const read = (name: string, shape: readonly number[]) =>
          readNumbers(handle, views.get(`layers.${layer}.${name}`), `layers.${layer}.${name}`, shape);
        maps.push({ matrix: await read('matrix', [dModel, dModel]), bias: await read('bias', [dModel]) });
      }
      return { lens, maps };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof FundusLensError && error.code === 'lens.newer-version') throw error;
    throw damaged(name, error);
  }
}

function readLabel(metadata: Readonly<Record<string, string>>, file: string): FittedLens {
  if (metadata['format'] !== format)
    throw new RangeError(`a file of the kind "${metadata['format'] ?? '?'}"`);
  const version = Number(metadata['version']);
  if (version > fileVersion)
    throw new FundusLensError('lens.newer-version', `${file} was written by a newer version.`, {
      expected: `layout ${fileVersion} or earlier`,
      found: `layout ${version}`,
      advice: 'Update the software, or export the lens from this version.',
    });
  if (version !== fileVersion) throw new RangeError(`layout "${metadata['version'] ?? ''}"`);
  const lens = fittedLensSchema.parse(JSON.parse(metadata['lens'] ?? ''));
  for (const errors of Object.values(lens.error))
    for (const curve of Object.values(errors))
      if (curve.length !== lens.model.numLayers + 1)
        throw new RangeError(`an error of ${curve.length} layers for ${lens.model.numLayers + 1}`);
  return lens;
}

async function readNumbers(
  handle: FileHandle,
  view: TensorView | undefined,
  name: string,
  shape: readonly number[],
): Promise<Float32Array> {
  if (view === undefined) throw new RangeError(`no array "${name}"`);
  if (view.dtype !== 'F32' || view.shape.join() !== shape.join())
    throw new RangeError(
      `an array "${name}" of ${view.dtype} [${view.shape.join(', ')}], not F32 [${shape.join(', ')}]`,
    );
  const values = new Float32Array(view.byteLength / Float32Array.BYTES_PER_ELEMENT);
  await handle.read(values, 0, view.byteLength, view.offset);
  if (!values.every(Number.isFinite)) throw new RangeError(`numbers in "${name}" that are not finite`);
  return values;
}

function damaged(file: string, cause: unknown): FundusLensError {
  const found =
    cause instanceof FundusLensError
      ? (cause.found ?? cause.summary)
      : cause instanceof Error
        ? cause.message
        : String(cause);
  return new FundusLensError('lens.file-damaged', `${file} is not a fitted lens, or is damaged.`, {
    expected: 'a lens file as this software writes it',
    found,
    advice: 'Export the lens again, or choose another file.',
    cause,
  });
}
