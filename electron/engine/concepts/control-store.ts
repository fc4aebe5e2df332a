import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openBundle, packReading, unpackReading } from './pack-readings.ts';
import type { WordSet } from './word-set.ts';
import { limitDetail } from '../image/limit-detail.ts';
import type { Lens } from '../lens/lens.ts';
import type { ControlSource } from '../lens-trace/lens-trace.ts';
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
  readonly lens: Pick<Lens, 'key'>;
  readonly words: Pick<WordSet, 'key'>;
}

/** Raised when the same circumstances give other numbers. */
const edition = 2;

export const bundleExtension = '.readings.br';

/**
 * Remembers what controls came to, for one set of circumstances: in memory, and on disk where a folder is given; for some
 * circumstances readings come with the software. Files may be deleted at any time; one that cannot be read is read anew.
 */
export class ControlStore {
  readonly #folder: string | null;
  readonly #bundleFile: string | null;
  readonly #known = new Map<string, ControlReading>();
  #bundle: ReadonlyMap<string, Uint8Array> | null = null;

  /**
   * @param cacheFolder where everything of this kind is kept; null keeps it in memory only
   * @param bundledFolder what comes with the software; null for nothing
   */
  constructor(
    cacheFolder: string | null,
    circumstances: ControlCircumstances,
    bundledFolder: string | null = null,
  ) {
    const key = describeCircumstances(circumstances);
    this.#folder = cacheFolder === null ? null : path.join(cacheFolder, key);
    this.#bundleFile = bundledFolder === null ? null : path.join(bundledFolder, `${key}${bundleExtension}`);
  }

  async find(source: ControlSource): Promise<ControlReading | null> {
    const name = nameOf(source);
    // What a picture shows is told by its list and may change; the numbers are the picture's.
    const known = this.#known.get(name);
    if (known !== undefined) return { ...known, source };
    this.#bundle ??= await openBundleFile(this.#bundleFile);
    const bytes = this.#bundle.get(name) ?? (await this.#readFile(name));
    if (bytes === null) return null;
    try {
      const reading = { source, ...unpackReading(bytes) };
      this.#known.set(name, reading);
      return reading;
    } catch {
      return null;
    }
  }

  /** Nothing is said where the disk is full or may not be written to: the trace does not need the file. */
  async keep(reading: ControlReading): Promise<void> {
    const name = nameOf(reading.source);
    this.#known.set(name, reading);
    if (this.#folder === null) return;
    const file = path.join(this.#folder, `${name}.reading`);
    const temporary = `${file}.${process.pid}.part`;
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFile(temporary, packReading(reading));
      await rename(temporary, file);
    } catch {
      // It is computed again next time.
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  async #readFile(name: string): Promise<Uint8Array | null> {
    if (this.#folder === null) return null;
    return readFile(path.join(this.#folder, `${name}.reading`)).catch(() => null);
  }
}

async function openBundleFile(file: string | null): Promise<ReadonlyMap<string, Uint8Array>> {
  if (file === null) return new Map();
  try {
    return openBundle(await readFile(file));
  } catch {
    return new Map();
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
  // A limit above the checkpoint's own changes nothing.
  const isLimited = limitDetail(checkpoint.imageProcessor, maxPixels) !== checkpoint.imageProcessor;
  const weights = [
    fingerprint.sha256,
    checkpoint.prepared?.id ?? null,
    provider.provider,
    // Processors differ in the last digits, graphics devices in their kernels.
    provider.provider === 'cpu' ? null : (provider.device ?? null),
  ];
  const text = JSON.stringify([
    edition,
    readabilityRule.id,
    weights,
    checkpoint.imageProcessor,
    prompt,
    isLimited ? maxPixels : null,
    lens.key,
    words.key,
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** The name under which a control's reading is kept. */
export function nameOf({ sha256, kind }: ControlSource): string {
  return sha256 ?? kind ?? 'no-image';
}
