import { open, readFile, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { decoderReportSchema } from '../../contract/protocols/decoder-report.ts';
import { instantSchema, sha256Schema } from '../../contract/ids.ts';
import type { Decoder, DecoderHead } from '../fit/decoder.ts';
import { decoderErrorCodes } from '../../contract/errors.ts';
import { DecoderError } from '../request/errors.ts';
import { decodeTensors, encodeTensors, float64Tensor, readFloat64 } from './tensor-file.ts';
import type { RawTensor } from './tensor-file.ts';

/** Version of the file's layout; files of a later one are refused. */
export const decoderFileVersion = 1;

const format = 'fundus-lens-decoder';

const count = z.int().nonnegative();
const bound = z.number().nullable();
const estimate = z.object({ value: bound, low: bound, high: bound });

const headSchema = z.object({
  field: z.string(),
  kind: z.enum(['binary', 'ordinal', 'categorical', 'number']),
  values: z.array(z.string()),
  classes: z.array(z.array(count)),
  counts: z.array(z.object({ value: z.string(), images: count, patients: count })),
  set: z.string(),
  layer: count,
  width: count,
  lambda: z.number().positive(),
  penalty: z.number().positive(),
  scaling: z.array(z.object({ slope: z.number(), offset: z.number() })),
  /** null: nothing can be excluded. */
  bound,
  folds: count.nullable(),
  scores: z.record(z.string(), estimate),
});

/** Everything of a decoder that is not an array of numbers. */
const headerSchema = z.object({
  name: z.string(),
  origin: z.object({
    modelHash: z.string(),
    modelName: z.string(),
    prompt: z.string(),
    imageLimits: z.object({ minPixels: z.number(), maxPixels: z.number() }),
    softwareVersion: z.string(),
    schemaVersion: z.string(),
  }),
  alpha: z.number().gt(0).lt(1),
  heads: z.array(headSchema),
  byLayer: z.array(headSchema),
  refused: z.array(
    z.object({
      field: z.string(),
      error: z.object({
        code: z.enum([...decoderErrorCodes, 'decoder.cancelled', 'internal']),
        summary: z.string(),
        expected: z.string(),
        found: z.string(),
        advice: z.string(),
        params: z.record(z.string(), z.union([z.string(), z.number()])),
      }),
    }),
  ),
});

/** What goes with a decoder from library to library: where it comes from, and how well it reads. */
const cardSchema = z.object({
  /** What it was fitted on, and what it is not for. */
  note: z.object({ en: z.string(), ru: z.string() }),
  createdAt: instantSchema,
  /** SHA-256 of the files that it was fitted on. */
  images: z.array(sha256Schema),
  report: decoderReportSchema,
});

export type DecoderCard = z.infer<typeof cardSchema>;

export interface DecoderFile {
  readonly decoder: Decoder;
  readonly card: DecoderCard;
}

type HeadHeader = z.infer<typeof headSchema>;
/** Beginning of the tensors' names. */
type HeadList = 'heads' | 'layers';

/** The bytes of a decoder's file: safetensors, with everything else as JSON in its metadata. */
export function encodeDecoder({ decoder, card }: DecoderFile): Uint8Array {
  const tensors = new Map<string, RawTensor>();
  const toHeader =
    (list: HeadList) =>
    (head: DecoderHead, index: number): HeadHeader => {
      const { weights, mean, targetMeans, folds, bound: limit, ...rest } = head;
      const add = (name: string, values: Float64Array, shape: number[]) =>
        tensors.set(`${list}.${index}.${name}`, float64Tensor(values, shape));
      add('weights', weights, [targetMeans.length, head.width]);
      add('mean', mean, [head.width]);
      add('target_means', targetMeans, [targetMeans.length]);
      if (folds !== undefined) {
        add('folds.weights', folds.weights, [folds.count, head.width]);
        add('folds.target_means', folds.targetMeans, [folds.count]);
        for (const [name, values] of [
          ['residuals', folds.residuals],
          ['fold_of', folds.foldOf],
          ['shares', folds.shares],
        ] as const)
          add(`folds.${name}`, values, [values.length]);
      }
      return {
        ...copyPlain(rest),
        bound: Number.isFinite(limit) ? limit : null,
        folds: folds?.count ?? null,
      };
    };
  const { name, origin, alpha, refused } = decoder;
  const heads = decoder.heads.map(toHeader('heads'));
  const byLayer = decoder.byLayer.map(toHeader('layers'));
  const header = headerSchema.parse({ name, origin, alpha, heads, byLayer, refused });
  return encodeTensors({
    metadata: {
      format,
      version: String(decoderFileVersion),
      decoder: JSON.stringify(header),
      card: JSON.stringify(cardSchema.parse(card)),
    },
    tensors,
  });
}

/**
 * @throws DecoderError `decoder.file-damaged` for anything that is not a whole decoder, `decoder.newer-version`
 */
export function decodeDecoder(bytes: Uint8Array, file: string): DecoderFile {
  const damaged = (found: string, cause?: unknown) =>
    new DecoderError('decoder.file-damaged', `${file} is not a decoder, or is damaged.`, {
      expected: 'a decoder file as this software writes it',
      found,
      advice: 'Export the decoder again, or choose another file.',
      params: { file },
      cause,
    });
  try {
    const { metadata, tensors } = decodeTensors(bytes);
    if (metadata['format'] !== format)
      throw new RangeError(`a file of the kind "${metadata['format'] ?? '?'}"`);
    const version = Number(metadata['version']);
    if (version > decoderFileVersion)
      throw new DecoderError('decoder.newer-version', `${file} was written by a newer version.`, {
        expected: `layout ${decoderFileVersion} or earlier`,
        found: `layout ${version}`,
        advice: 'Update the software, or export the decoder from this version.',
        params: { file, expected: decoderFileVersion, found: version },
      });
    if (version !== decoderFileVersion) throw new RangeError(`layout "${metadata['version'] ?? ''}"`);
    const { heads, byLayer, refused, ...rest } = headerSchema.parse(JSON.parse(metadata['decoder'] ?? ''));
    const decoder = {
      ...rest,
      heads: heads.map((head, index) => readHead(head, 'heads', index, tensors)),
      byLayer: byLayer.map((head, index) => readHead(head, 'layers', index, tensors)),
      refused: refused.map(({ field, error }) => ({ field, error: { ...error, stack: undefined } })),
    };
    return { decoder, card: cardSchema.parse(JSON.parse(metadata['card'] ?? '')) };
  } catch (error) {
    if (error instanceof DecoderError) throw error;
    throw damaged(error instanceof Error ? error.message : String(error), error);
  }
}

function readHead(
  { folds, bound: limit, ...head }: HeadHeader,
  list: HeadList,
  index: number,
  tensors: ReadonlyMap<string, RawTensor>,
): DecoderHead {
  const read = (name: string, ...shape: (number | undefined)[]) => {
    const tensor = tensors.get(`${list}.${index}.${name}`);
    if (tensor === undefined) throw new RangeError(`no tensor "${list}.${index}.${name}"`);
    if (
      tensor.shape.length !== shape.length ||
      shape.some((length, at) => (length ?? tensor.shape[at]) !== tensor.shape[at])
    )
      throw new RangeError(`a tensor "${list}.${index}.${name}" of shape ${tensor.shape.join(' × ')}`);
    const values = readFloat64(tensor);
    if (!values.every(Number.isFinite))
      throw new RangeError(`numbers in "${list}.${index}.${name}" that are not finite`);
    return values;
  };
  const { width, kind, classes, scaling, values } = head;
  const columns = kind === 'number' ? 1 : scaling.length;
  const expected = kind === 'binary' || kind === 'number' ? 1 : classes.length - (kind === 'ordinal' ? 1 : 0);
  if (columns !== expected || classes.flat().some((place) => place >= values.length))
    throw new RangeError(`a head of "${head.field}" that does not fit its values`);
  const targetMeans = read('target_means', columns);
  const residuals = folds === null ? undefined : read('folds.residuals', undefined);
  return {
    ...head,
    bound: limit ?? Infinity,
    weights: read('weights', columns, width),
    mean: read('mean', width),
    targetMeans,
    folds:
      folds === null || residuals === undefined
        ? undefined
        : {
            count: folds,
            weights: read('folds.weights', folds, width),
            targetMeans: read('folds.target_means', folds),
            residuals,
            foldOf: read('folds.fold_of', residuals.length),
            shares: read('folds.shares', residuals.length),
          },
  };
}

/**
 * Writes beside the target first, then renames, so that no half-written file ever carries the name.
 *
 * @throws DecoderError `decoder.unwritable`
 */
export async function writeDecoder(file: string, content: DecoderFile): Promise<void> {
  const bytes = encodeDecoder(content);
  const temporary = `${file}.${process.pid}.part`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    // Where nothing could be opened there may be nothing to remove.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new DecoderError('decoder.unwritable', `Cannot write ${file}.`, {
      expected: 'a folder that exists, may be written to and has room',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'Choose another place, or free some disk space.',
      params: { file },
      cause,
    });
  }
}

/** @throws DecoderError `decoder.file-damaged`, `decoder.newer-version` */
export async function readDecoder(file: string): Promise<DecoderFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new DecoderError('decoder.file-damaged', `Cannot read ${file}.`, {
      expected: 'a file that exists and may be read',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'Choose another file.',
      params: { file },
      cause,
    });
  }
  return decodeDecoder(bytes, file);
}

/** Read-only lists as the schema's own. */
function copyPlain(head: Omit<DecoderHead, 'weights' | 'mean' | 'targetMeans' | 'folds' | 'bound'>) {
  return {
    ...head,
    values: [...head.values],
    classes: head.classes.map((places) => [...places]),
    counts: [...head.counts],
    scaling: [...head.scaling],
    scores: { ...head.scores },
  };
}
