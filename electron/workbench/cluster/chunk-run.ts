import type { ChunkQueue, Claim, FailedTrace, StoredResult } from '../../cluster/chunk-queue.ts';
import type { ObjectStorage } from '../../cluster/storage/storage.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { problemOf } from '../../contract/problem.ts';
import { conceptSetSchema } from '../../engine/lens-trace/concept-set.ts';
import type { ConceptSet } from '../../engine/lens-trace/concept-set.ts';
import type { LensTrace, PlainLens, ProviderChoice } from '../../engine/lens-trace/lens-trace.ts';
import { fittedOf } from '../../engine/lens-trace/trace-request.ts';
import type { EngineTraceRequest } from '../../engine/process/messages.ts';
import { toEngineRequest } from '../models/engine-request.ts';
import { choiceOf } from '../models/find-lens.ts';
import { cellsOf } from './chunk-cells.ts';
import type { ChunkCell } from './chunk-cells.ts';
import { packObject } from './trace-object.ts';

/** Photographs that the engine is told of in advance. */
const upcoming = 7;
/** What was done is kept at least so often, milliseconds: more is not lost with the host. */
const keepEvery = 10_000;

/** What a chunk is computed with. */
export interface ChunkTools {
  readonly chunks: ChunkQueue;
  readonly storage: ObjectStorage;
  readonly worker: string;
  readonly modelDir: string;
  readonly provider: ProviderChoice;
  readonly controlCache: string;
  readonly trace: (request: EngineTraceRequest, signal: AbortSignal) => Promise<LensTrace>;
  /** Of these keys, the ones whose trace is there. */
  readonly findDone: (contentKeys: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Tries again what failed only because the database was away. */
  readonly patiently: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface ChunkSignals {
  /** Ends the trace under way: the claim is lost, or the host ends at once. */
  readonly abort: AbortSignal;
  /** Ends after the photograph under way. */
  readonly drain: AbortSignal;
}

/** `lost`: another host has it; `drained`: what is left was not begun. */
export type ChunkEnd = 'finished' | 'lost' | 'drained';

/** Why no other photograph of this chunk would fare better here. */
export class HostProblem extends Error {
  readonly error: unknown;

  constructor(error: unknown) {
    super('this host cannot compute the chunk', { cause: error });
    this.error = error;
  }
}

/**
 * Computes what is missing of a chunk, photograph by photograph; results go to the storage at once, and into the table
 * every few seconds and with the end.
 *
 * @throws HostProblem when this host cannot do it: its model, its memory, its storage
 */
export async function runChunk(tools: ChunkTools, claim: Claim, signals: ChunkSignals): Promise<ChunkEnd> {
  const { chunk } = claim;
  const { chunks, storage, worker, patiently } = tools;
  const conceptSet = await readConceptSet(storage, chunk.conceptSetSha256);
  const cells = chunk.photographs.map((photograph) => cellsOf(chunk, photograph));
  const known = await patiently(() => tools.findDone(cells.flat().map(({ contentKey }) => contentKey)));
  let results: StoredResult[] = [];
  let failures: FailedTrace[] = [];
  let kept = Date.now();
  for (const [index, photograph] of chunk.photographs.entries()) {
    if (signals.drain.aborted) break;
    const missing = cells[index]!.filter(({ contentKey }) => !known.has(contentKey));
    for (const cell of missing) {
      try {
        results.push(await compute(cell, photograph, index));
      } catch (error) {
        if (signals.abort.aborted) return 'lost';
        if (await isOfHost(error)) {
          await keep();
          throw new HostProblem(error);
        }
        failures.push({ contentKey: cell.contentKey, problem: problemOf(error) });
      }
    }
    if (Date.now() - kept > keepEvery && !(await keep())) return 'lost';
  }
  if (signals.drain.aborted) {
    await keep();
    return 'drained';
  }
  return (await patiently(() => chunks.finish(claim, worker, { results, failures }))) ? 'finished' : 'lost';

  async function keep(): Promise<boolean> {
    if (results.length + failures.length === 0) return true;
    const isOurs = await patiently(() => chunks.keep(claim, worker, { results, failures }));
    [results, failures, kept] = [[], [], Date.now()];
    return isOurs;
  }

  async function compute(
    { condition, contentKey }: ChunkCell,
    { sha256, file }: (typeof chunk.photographs)[number],
    index: number,
  ): Promise<StoredResult> {
    const started = performance.now();
    const lens = await lensFile(storage, condition.lens);
    const next = chunk.photographs.slice(index + 1, index + 1 + upcoming);
    const request = toEngineRequest(
      { modelDir: tools.modelDir, imagePath: await storage.fetch(file), conceptSet, lens },
      { ...condition, provider: tools.provider },
      { upcoming: await existing(next.map((each) => each.file)), controlCache: tools.controlCache },
    );
    const trace = await traceTwice(request);
    requireOrdered(trace, { ...condition, modelSha256: chunk.modelSha256, file, sha256 });
    const packed = await packObject(trace);
    const objectSha256 = await storage.write(packed);
    return { contentKey, objectSha256, bytes: packed.byteLength, milliseconds: performance.now() - started };
  }

  /** An engine that ended may have been ended by something else. */
  async function traceTwice(request: EngineTraceRequest): Promise<LensTrace> {
    try {
      return await tools.trace(request, signals.abort);
    } catch (error) {
      if (!(error instanceof FundusLensError) || error.code !== 'engine.killed') throw error;
      return tools.trace({ ...request, upcoming: [] }, signals.abort);
    }
  }

  async function existing(files: readonly string[]): Promise<string[]> {
    const found = await Promise.allSettled(files.map((file) => storage.fetch(file)));
    return found.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  }

  /** A photograph that is missing fails alone; a storage that is away is the host's problem. */
  async function isOfHost(error: unknown): Promise<boolean> {
    if (!(error instanceof FundusLensError)) return false;
    if (/^(model|provider)\./.test(error.code) || error.code === 'engine.out-of-memory') return true;
    if (error.code !== 'cluster.storage') return false;
    return storage.write(Buffer.from('fundus-lens')).then(
      () => false,
      () => true,
    );
  }
}

/** @throws HostProblem when it cannot be read */
async function readConceptSet(storage: ObjectStorage, sha256: string): Promise<ConceptSet> {
  try {
    return conceptSetSchema.parse(JSON.parse((await storage.read(sha256)).toString()));
  } catch (error) {
    throw new HostProblem(error);
  }
}

async function lensFile(
  storage: ObjectStorage,
  lens: ChunkCell['condition']['lens'],
): Promise<EngineTraceRequest['lens']> {
  const fitted = fittedOf(lens);
  return fitted === null ? (lens as PlainLens) : { file: await storage.fetch(fitted.which) };
}

/** What the engine read has to be what was ordered, or the key would promise other numbers. */
function requireOrdered(
  trace: LensTrace,
  { lens, modelSha256, file }: { lens: string; modelSha256: string; file: string; sha256: string },
): void {
  const [asked, found] = [
    [modelSha256, lens, file],
    [trace.model.sha256, choiceOf(trace), trace.image?.sha256],
  ];
  if (asked.every((each, index) => each === found[index])) return;
  throw new FundusLensError('model.weights-invalid', 'The engine read something else than was ordered.', {
    expected: asked.join(', '),
    found: found.join(', '),
    advice: 'Start the worker again, so that it hashes its models anew.',
  });
}
