import type { ProviderName } from '../lens-trace/lens-trace.ts';
import type { KeyValueCache } from '../model/decoder-run.ts';
import type { ImageFacts } from '../image/open-image.ts';
import { measureMemory } from '../memory/available-memory.ts';
import { BoundedCache } from './bounded-cache.ts';

/** What the decoder makes of a prompt's first positions, up to the end of its image. */
export interface Prefix {
  /** float32 [cells, inputWidth], as the vision tower gives them. */
  readonly embeds: Float32Array;
  readonly cache: KeyValueCache;
  /** Positions read, ascending, and by layer 0…L float32 [positions, D] of them. */
  readonly rows: PrefixRows;
}

export interface PrefixRows {
  readonly positions: readonly number[];
  readonly residual: readonly Float32Array[];
}

type Remembered = Pick<Prefix, 'embeds' | 'cache'>;

interface BatchOptions {
  readonly batchSize?: number | null;
  readonly batchBytes?: number;
}

/** Images whose size and grid are remembered; a few numbers each. */
const maxFacts = 4096;

/** On the cpu, where the model itself is in the host's memory; 915 positions of a 7B model take 118 MB, of a 2B model 58 MB. */
const mostBytesOnCpu = 512 * 2 ** 20;
const mostBytes = 1536 * 2 ** 20;
const shareOfFreeMemory = 1 / 8;

/** Host bytes that prefixes may take beside a loaded model. Nothing depends on them but time. */
export async function prefixBudget(provider: ProviderName): Promise<number> {
  const { hostBytes } = await measureMemory(null);
  return Math.min(provider === 'cpu' ? mostBytesOnCpu : mostBytes, Math.floor(hostBytes * shareOfFreeMemory));
}

/**
 * Remembers, for one loaded model, what does not depend on the question: an image's vision output, the KV cache after it,
 * and the residual rows that were read of its positions.
 *
 * Nothing that is remembered changes a number: the decoder stops after the image whether anything is remembered or not.
 */
export class PrefixMemory {
  /** By SHA-256 of the image file and how it is preprocessed. */
  readonly facts = new BoundedCache<ImageFacts>(maxFacts);
  readonly #prefixes: BoundedCache<Remembered | PrefixRows>;

  /** Images that go through the model together; null where their sizes decide. */
  readonly batchSize: number | null;
  /** Device bytes that images which go through together may take. */
  readonly batchBytes: number;

  /** @param maxBytes 0 remembers nothing */
  constructor(maxBytes: number, { batchSize = null, batchBytes = 0 }: BatchOptions = {}) {
    this.#prefixes = new BoundedCache(maxBytes);
    this.batchSize = batchSize;
    this.batchBytes = batchBytes;
  }

  get maxBytes(): number {
    return this.#prefixes.maxSize;
  }

  get bytes(): number {
    return this.#prefixes.size;
  }

  /** The vision output of an image, when it is remembered. */
  embeds(key: string): Float32Array | null {
    return this.#remembered(key)?.embeds ?? null;
  }

  /** @returns null unless the KV cache and all of the wanted rows are remembered */
  find(key: string, positions: readonly number[]): Prefix | null {
    const known = this.#remembered(key);
    if (known === null) return null;
    if (positions.length === 0) return { ...known, rows: { positions: [], residual: [] } };
    const rows = this.#prefixes.get(rowsKey(key));
    if (rows === undefined || !('residual' in rows)) return null;
    const held = new Map(rows.positions.map((position, index) => [position, index]));
    if (!positions.every((position) => held.has(position))) return null;
    const indices = positions.map((position) => held.get(position)!);
    return { ...known, rows: { positions, residual: pickRows(rows, indices) } };
  }

  /** @param options.onlyIfRoom forgets nothing else for it */
  keep(key: string, { embeds, cache, rows }: Prefix, options: { readonly onlyIfRoom?: boolean } = {}): void {
    const tensors = Object.values(cache.tensors).reduce(
      (sum, { data }) => sum + (data as Float32Array).byteLength,
      0,
    );
    this.#prefixes.put(key, { embeds, cache }, embeds.byteLength + tensors, options);
    if (rows.positions.length === 0) return;
    const bytes = rows.residual.reduce((sum, { byteLength }) => sum + byteLength, 0);
    // Rows may not push out the caches that they belong to: a cache saves more of the next trace.
    if (bytes <= this.maxBytes / 2) this.#prefixes.put(rowsKey(key), rows, bytes, options);
  }

  /** Forgets everything. */
  clear(): void {
    this.facts.clear();
    this.#prefixes.clear();
  }

  #remembered(key: string): Remembered | null {
    const known = this.#prefixes.get(key);
    return known !== undefined && 'cache' in known ? known : null;
  }
}

function rowsKey(key: string): string {
  return `${key} rows`;
}

function pickRows({ positions, residual }: PrefixRows, indices: readonly number[]): readonly Float32Array[] {
  if (indices.length === positions.length) return residual;
  return residual.map((stream) => {
    const width = stream.length / positions.length;
    const picked = new Float32Array(indices.length * width);
    indices.forEach((row, index) =>
      picked.set(stream.subarray(row * width, (row + 1) * width), index * width),
    );
    return picked;
  });
}
