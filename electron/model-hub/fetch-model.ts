import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { CheckpointOutline, CheckpointReport } from '../contract/models/checkpoint-report.ts';
import { FundusLensError } from '../contract/errors.ts';
import type { ModelOffer } from '../contract/models/models.ts';
import { checkHeaders } from './check-headers.ts';
import { chooseFiles, chooseShards, requireHashes } from './choose-files.ts';
import type { ExpectedFile } from './content-hash.ts';
import { fetchFile, presentBytes } from './fetch-file.ts';
import type { FileSource } from './file-source.ts';
import type { Inspector } from './inspector.ts';
import { nameOfOrigin } from './model-store.ts';
import type { ModelStore } from './model-store.ts';
import { defaultFetchRules } from './patience.ts';
import type { FetchRules } from './patience.ts';
import { measureRoom, requireDisk } from './room.ts';

export type FetchPhase = 'headers' | 'fetch' | 'waiting' | 'hash';

export interface FetchModelHooks {
  readonly signal: AbortSignal;
  readonly onProgress?: (phase: FetchPhase, done: number, total: number) => void;
}

export interface FetchModelOptions {
  readonly inspector: Inspector;
  /** Files that are fetched at a time. */
  readonly parallel?: number;
  readonly rules?: FetchRules;
}

const indexFile = 'model.safetensors.index.json';

interface Selection {
  readonly small: readonly ExpectedFile[];
  readonly shards: readonly ExpectedFile[];
}

/**
 * Says what a model is and costs before anything large is read.
 *
 * @throws FundusLensError `model.*` for a model that cannot be used, and what the source throws
 */
export async function offerModel(
  source: FileSource,
  store: ModelStore,
  { inspector, rules = defaultFetchRules }: FetchModelOptions,
  signal: AbortSignal,
): Promise<ModelOffer> {
  await store.create();
  const folder = store.offerFolder();
  try {
    const selection = await selectFiles(source, folder, { signal, onBytes: () => undefined }, rules);
    const outline = await checkHeaders(source, selection, folder, inspector, { signal, rules });
    const files = [...selection.small, ...selection.shards];
    const partial = store.partialOf(nameOfOrigin(source.origin)).path;
    const present = await Promise.all(files.map((file) => presentBytes(partial, file)));
    return {
      name: nameForPeople(source),
      ...describeOutline(outline),
      origin: source.origin,
      files: files.map(({ name, bytes }) => ({ name, bytes })),
      neededBytes: sum(files.map(({ bytes }) => bytes)) - sum(present),
      room: await measureRoom(store.folder),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Brings a whole model into a partial folder: first what is small, then the judgement by headers, then room, then the
 * weights, several files at once, and at last every byte once more from the disk.
 *
 * @returns the report of the folder, which may be activated now
 * @throws FundusLensError `model.*`, `hub.*`; what has arrived stays in the folder
 */
export async function fetchModel(
  source: FileSource,
  folder: string,
  { inspector, parallel = 3, rules = defaultFetchRules }: FetchModelOptions,
  { signal, onProgress }: FetchModelHooks,
): Promise<CheckpointReport> {
  let done = 0;
  let total = 0;
  let waiting = 0;
  const tell = () => onProgress?.(waiting > 0 ? 'waiting' : total === 0 ? 'headers' : 'fetch', done, total);
  const hooks = {
    signal,
    onBytes: (change: number) => {
      done += change;
      tell();
    },
    onWait: (milliseconds: number) => {
      waiting += milliseconds > 0 ? 1 : -1;
      tell();
    },
  };
  const { small, shards } = await selectFiles(source, folder, hooks, rules);
  await checkHeaders(source, { small, shards }, folder, inspector, { ...hooks, rules });
  const present = await Promise.all(shards.map((file) => presentBytes(folder, file)));
  await requireDisk(folder, sum(shards.map(({ bytes }) => bytes)) - sum(present));
  total = sum([...small, ...shards].map(({ bytes }) => bytes));
  tell();
  const hashes = await fetchAll(source, shards, folder, hooks, parallel, rules);
  await removeStrangers(folder, [...small, ...shards]);
  const report = await inspector.inspect(folder, signal, (read, all) => onProgress?.('hash', read, all));
  for (const { name, sha256 } of report.files) {
    const arrived = hashes.get(name);
    if (arrived !== undefined && arrived !== sha256) {
      await rm(path.join(folder, name), { force: true });
      throw new FundusLensError(
        'model.hash-mismatch',
        `${name} was right when it arrived, and is not any more.`,
        {
          expected: `SHA-256 ${arrived}`,
          found: sha256,
          advice: 'The disk or the memory of this computer loses bits. Check them, then resume.',
        },
      );
    }
  }
  return report;
}

/** Fetches the small files, which say which weights are wanted. */
async function selectFiles(
  source: FileSource,
  folder: string,
  hooks: { readonly signal: AbortSignal; readonly onBytes: (change: number) => void },
  rules: FetchRules,
): Promise<Selection> {
  await mkdir(folder, { recursive: true });
  const { small, weights } = chooseFiles(source.files);
  if (source.origin.kind === 'hub') requireHashes([...small, ...weights]);
  for (const file of small) await fetchFile(source, file, folder, hooks, rules);
  const hasIndex = small.some(({ name }) => name === indexFile);
  const index = hasIndex ? await readFile(path.join(folder, indexFile), 'utf8') : null;
  return { small, shards: chooseShards(weights, index) };
}

/** @returns SHA-256 by name. The first failure ends the others; what they have is kept */
async function fetchAll(
  source: FileSource,
  files: readonly ExpectedFile[],
  folder: string,
  hooks: Parameters<typeof fetchFile>[3],
  parallel: number,
  rules: FetchRules,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  const failure = new AbortController();
  const signal = AbortSignal.any([hooks.signal, failure.signal]);
  const waiting = [...files];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      try {
        const { sha256 } = await fetchFile(source, file, folder, { ...hooks, signal }, rules);
        hashes.set(file.name, sha256);
      } catch (error) {
        if (!failure.signal.aborted) failure.abort(error);
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: parallel }, work));
  hooks.signal.throwIfAborted();
  if (ends.some(({ status }) => status === 'rejected')) throw failure.signal.reason as Error;
  return hashes;
}

/** Files of an earlier try that this model does not have would change what it is. */
async function removeStrangers(folder: string, files: readonly ExpectedFile[]): Promise<void> {
  const known = new Set(files.map(({ name }) => name));
  for (const name of await readdir(folder)) {
    if (known.has(name) || name === 'task.json' || name === 'lock') continue;
    await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

function describeOutline({ parametersByDtype, estimates, ...outline }: CheckpointOutline) {
  const { family, numLayers, dModel, vocabSize } = outline;
  const parameters = sum(Object.values(parametersByDtype));
  return { family, numLayers, dModel, vocabSize, parameters, estimates: [...estimates] };
}

export function nameForPeople({ origin }: Pick<FileSource, 'origin'>): string {
  return origin.kind === 'hub' || origin.kind === 'cache' ? origin.repository : path.basename(origin.folder);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
