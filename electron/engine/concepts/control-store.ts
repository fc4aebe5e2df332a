import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readSafetensorsHeader, type TensorView } from '../weights/safetensors.ts';
import { writeSafetensors, type NamedTensor } from '../weights/safetensors-writer.ts';
import type { WordSet } from './word-set.ts';
import type { ControlSource, LensKind } from '../lens-trace/lens-trace.ts';
import type { Model } from '../model/model.ts';
import { readabilityRule } from '../readability/rule.ts';
import type { ControlReading } from './control-reading.ts';

/** What readings of controls depend on beside the control itself. */
export interface ControlCircumstances {
  readonly model: Pick<Model, 'fingerprint' | 'provider'> & {
    readonly checkpoint: Pick<Model['checkpoint'], 'prepared' | 'imageProcessor'>;
  };
  /** As it is rendered without an image. */
  readonly prompt: string;
  readonly maxPixels: number | null;
  readonly lens: LensKind;
  readonly words: Pick<WordSet, 'key'>;
}

/** Raised when the same circumstances give other numbers. */
const edition = 1;

/**
 * Remembers what controls came to, for one set of circumstances: in memory, and on disk where a folder is given. Files may
 * be deleted at any time; one that cannot be read is read anew.
 */
export class ControlStore {
  readonly #folder: string | null;
  readonly #known = new Map<string, ControlReading>();

  /** @param cacheFolder where everything of this kind is kept; null keeps it in memory only */
  constructor(cacheFolder: string | null, circumstances: ControlCircumstances) {
    this.#folder = cacheFolder === null ? null : path.join(cacheFolder, describeCircumstances(circumstances));
  }

  async find(source: ControlSource): Promise<ControlReading | null> {
    const name = nameOf(source);
    // What a picture shows is told by its list and may change; the numbers are the picture's.
    const known = this.#known.get(name);
    if (known !== undefined) return { ...known, source };
    if (this.#folder === null) return null;
    const reading = await readFileOf(path.join(this.#folder, `${name}.safetensors`), source);
    if (reading !== null) this.#known.set(name, reading);
    return reading;
  }

  /** Nothing is said where the disk is full or may not be written to: the trace does not need the file. */
  async keep(reading: ControlReading): Promise<void> {
    const name = nameOf(reading.source);
    this.#known.set(name, reading);
    if (this.#folder === null) return;
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeSafetensors(path.join(this.#folder, `${name}.safetensors`), tensorsOf(reading));
    } catch {
      // It is computed again next time.
    }
  }
}

/** Equal for circumstances under which controls come to the same. */
export function describeCircumstances({
  model,
  prompt,
  maxPixels,
  lens,
  words,
}: ControlCircumstances): string {
  const { fingerprint, provider, checkpoint } = model;
  const weights = [
    fingerprint.sha256,
    checkpoint.prepared?.id ?? null,
    provider.provider,
    provider.device ?? null,
  ];
  const text = JSON.stringify([
    edition,
    readabilityRule.id,
    weights,
    checkpoint.imageProcessor,
    prompt,
    maxPixels,
    lens,
    words.key,
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function nameOf({ sha256, kind }: ControlSource): string {
  return sha256 ?? kind ?? 'no-image';
}

function tensorsOf({ answer, pool, cells }: ControlReading): NamedTensor[] {
  const matrix = (name: string, rows: readonly Float32Array[]): NamedTensor => ({
    ...{ name, dtype: 'F32', shape: [rows.length, rows[0]?.length ?? 0], parts: rows },
  });
  const tops = pool.map(({ topPlace, topLogComplement }) => Float32Array.of(topPlace, topLogComplement));
  const probabilities = matrix(
    'pool',
    pool.map(({ logProbs }) => logProbs),
  );
  return [
    matrix('answer', answer),
    probabilities,
    matrix('top', tops),
    ...(cells === null ? [] : [matrix('cells', cells)]),
  ];
}

async function readFileOf(file: string, source: ControlSource): Promise<ControlReading | null> {
  try {
    const [bytes, views] = await Promise.all([readFile(file), readSafetensorsHeader(file)]);
    const rowsOf = (name: string) => splitRows(bytes, views.get(name)!);
    const tops = rowsOf('top');
    return {
      source,
      answer: rowsOf('answer'),
      pool: rowsOf('pool').map((logProbs, layer) => ({
        ...{ logProbs, topPlace: tops[layer]![0]!, topLogComplement: tops[layer]![1]! },
      })),
      cells: views.has('cells') ? rowsOf('cells') : null,
    };
  } catch {
    return null;
  }
}

function splitRows(bytes: Buffer, { offset, byteLength, shape }: TensorView): Float32Array[] {
  const [rows = 0, columns = 0] = shape;
  const values = new Float32Array(
    bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + byteLength),
  );
  return Array.from({ length: rows }, (_, row) => values.subarray(row * columns, (row + 1) * columns));
}
