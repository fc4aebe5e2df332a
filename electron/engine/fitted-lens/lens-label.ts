import { open, type FileHandle } from 'node:fs/promises';
import { FundusLensError } from '../../contract/errors.ts';
import { fittedLensSchema, type FittedLens, type FittedLensKind } from '../lens-trace/lenses/fitted-lens.ts';
import { readSafetensors, type TensorView } from '../weights/safetensors.ts';

/** Version of the files' layout; files of a later one are refused. */
export const fileVersion = 1;

const formatOf = { shortcut: 'fundus-lens-shortcut', jacobian: 'fundus-lens-jacobian' } as const;

/** What the metadata of a lens's file say. */
export function writeLabel(lens: FittedLens): Record<string, string> {
  return { format: formatOf[lens.kind], version: String(fileVersion), lens: JSON.stringify(lens) };
}

/** The arrays of a lens's file, read by name and shape. */
export interface LensArrays {
  readonly lens: FittedLens;
  readonly numArrays: number;
  /** @throws RangeError for one that is missing, of another shape, or not finite */
  readonly read: (name: string, shape: readonly number[]) => Promise<Float32Array>;
}

/**
 * Opens a lens's file, and closes it when `use` is done.
 *
 * @param name what the file is called in an error
 * @throws FundusLensError `lens.file-damaged` for anything that is not a whole lens, and for whatever `use` throws; `lens.newer-version`
 */
export async function withLensArrays<T>(
  file: string,
  name: string,
  use: (arrays: LensArrays) => Promise<T>,
): Promise<T> {
  try {
    const { views, metadata } = await readSafetensors(file);
    const lens = readLabel(metadata, name);
    const handle = await open(file, 'r');
    try {
      const read = (array: string, shape: readonly number[]) =>
        readNumbers(handle, views.get(array), array, shape);
      return await use({ lens, numArrays: views.size, read });
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof FundusLensError && error.code === 'lens.newer-version') throw error;
    throw damagedLens(name, error);
  }
}

function readLabel(metadata: Readonly<Record<string, string>>, file: string): FittedLens {
  const kind = (Object.keys(formatOf) as FittedLensKind[]).find(
    (key) => formatOf[key] === metadata['format'],
  );
  if (kind === undefined) throw new RangeError(`a file of the kind "${metadata['format'] ?? '?'}"`);
  const version = Number(metadata['version']);
  if (version > fileVersion)
    throw new FundusLensError('lens.newer-version', `${file} was written by a newer version.`, {
      expected: `layout ${fileVersion} or earlier`,
      found: `layout ${version}`,
      advice: 'Update the software, or export the lens from this version.',
    });
  if (version !== fileVersion) throw new RangeError(`layout "${metadata['version'] ?? ''}"`);
  const lens = fittedLensSchema.parse(JSON.parse(metadata['lens'] ?? ''));
  if (lens.kind !== kind) throw new RangeError(`a label of the kind "${lens.kind}" in a file of "${kind}"`);
  for (const errors of Object.values(lens.error ?? {}))
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

export function damagedLens(file: string, cause: unknown): FundusLensError {
  const found =
    cause instanceof FundusLensError
      ? (cause.found ?? cause.summary)
      : cause instanceof Error
        ? cause.message
        : String(cause);
  return new FundusLensError('lens.file-damaged', `${file} is not a fitted lens, or is damaged.`, {
    expected: 'a lens file as this software writes it, or a Jacobian lens of the public format (.pt)',
    found,
    advice: 'Export the lens again, or choose another file.',
    cause,
  });
}
