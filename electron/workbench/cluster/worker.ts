import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import packageJson from '#package.json' with { type: 'json' };
import { ChunkQueue } from '../../cluster/chunk-queue.ts';
import type { Claim } from '../../cluster/chunk-queue.ts';
import { isPassing, openCluster } from '../../cluster/cluster.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import { findDone } from '../../cluster/results.ts';
import { openStorage } from '../../cluster/storage/open-storage.ts';
import type { ObjectStorage } from '../../cluster/storage/storage.ts';
import { WorkerEntry } from '../../cluster/workers.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { problemOf } from '../../contract/problem.ts';
import type { ProviderChoice } from '../../engine/lens-trace/lens-trace.ts';
import { EngineClient } from '../../engine/process/engine-client.ts';
import type { EngineClientOptions } from '../../engine/process/engine-client.ts';
import { forkEngine } from '../../engine/process/fork-engine.ts';
import { HostProblem, runChunk } from './chunk-run.ts';
import type { ClusterAddress } from './cluster-connection.ts';
import { findWorkerModels } from './worker-models.ts';
import type { WorkerModels } from './worker-models.ts';

export interface WorkerOptions extends ClusterAddress {
  /** A checkpoint, or a folder of them, beside the bundled one. */
  readonly models?: string | undefined;
  /** Numbers of graphics cards, one engine each; one engine that sees all of them when left out. */
  readonly gpus?: readonly string[] | undefined;
  readonly provider?: ProviderChoice;
  /** Folder of this host. */
  readonly cacheFolder: string;
  readonly librariesFolder?: string;
  /** Ends when the queue is empty, instead of waiting for more. */
  readonly untilEmpty?: boolean;
  /** Finish the photograph under way, give the rest back, and end. */
  readonly drain: AbortSignal;
  /** End at once. */
  readonly abort?: AbortSignal;
  readonly say: (line: string) => void;
  /** Milliseconds. */
  readonly poll?: number;
  readonly beat?: number;
  /** Seconds between looks for dead hosts. */
  readonly superviseSeconds?: number;
}

const defaultPoll = 2000;
/** A quarter of what pg-boss waits for. */
const defaultBeat = 6000;
/** Waits after a problem of this host, such as a storage that is away. */
const hostPatience = 20_000;
/** For how long a result is held when the database is away; longer than a server takes to restart. */
const databasePatience = 600_000;

/**
 * Computes chunks until it is drained. Signs of life come from this process, never from the engine: a long pass through
 * a model is no reason to be taken for dead, and an engine that hangs is ended by its client.
 *
 * @returns how many traces were computed
 * @throws FundusLensError `cluster.*`; `model.not-found` without any model
 */
export async function runWorker(options: WorkerOptions): Promise<number> {
  const { say, superviseSeconds } = options;
  const storage = await openStorage(options.storage);
  const cluster = await openCluster(options.queue, {
    supervise: true,
    ...(superviseSeconds === undefined ? {} : { superviseSeconds }),
    onError: (error) => say(`the database: ${error instanceof Error ? error.message : String(error)}`),
    connections: 2 + 2 * (options.gpus?.length ?? 1),
  });
  const entry = new WorkerEntry(cluster);
  try {
    const models = await listModels(options);
    const announce = () =>
      entry.announce({
        host: hostname(),
        version: packageJson.version,
        device: deviceOf(options),
        models: [...models.keys()],
      });
    await announce();
    const life = setInterval(() => void announce().catch(() => undefined), options.beat ?? defaultBeat);
    say(`worker ${entry.id} on ${hostname()}: ${models.size} model(s)`);
    try {
      const slots = (options.gpus ?? [null]).map((gpu) =>
        runSlot({ options, cluster, storage, models, worker: entry.id }, gpu),
      );
      return (await Promise.all(slots)).reduce((sum, traces) => sum + traces, 0);
    } finally {
      clearInterval(life);
      await entry.leave().catch(() => undefined);
    }
  } finally {
    await cluster.close();
  }
}

async function listModels({ models: folder, say }: WorkerOptions): Promise<WorkerModels> {
  const engine = new EngineClient();
  try {
    const models = await findWorkerModels(engine, folder, (candidate, error) =>
      say(`${candidate} is left out: ${problemOf(error).summary}`),
    );
    if (models.size > 0) return models;
  } finally {
    await engine.close();
  }
  throw new FundusLensError('model.not-found', 'There is no model on this host.', {
    expected: 'a checkpoint, or a folder of them',
    found: folder ?? 'no folder',
    advice: 'Name it with --models.',
  });
}

/** What computes, as it was ordered. */
function deviceOf({ gpus, provider = 'auto' }: WorkerOptions): string {
  return gpus === undefined ? provider : `${provider}, cards ${gpus.join(',')}`;
}

interface SlotTools {
  readonly options: WorkerOptions;
  readonly cluster: Cluster;
  readonly storage: ObjectStorage;
  /** Models that turn out not to fit are taken out. */
  readonly models: WorkerModels;
  readonly worker: string;
}

/** One engine, and the chunks that it computes one after the other. */
async function runSlot(tools: SlotTools, gpu: string | null): Promise<number> {
  const { options, cluster, models } = tools;
  const { drain, say, poll = defaultPoll } = options;
  const chunks = new ChunkQueue(cluster);
  const engine = new EngineClient(engineOptions(options, gpu));
  let traces = 0;
  try {
    while (!drain.aborted && models.size > 0) {
      const claim = await take();
      if (claim === undefined) {
        if (options.untilEmpty === true) break;
        await pause(poll, undefined, { signal: drain }).catch(() => undefined);
        continue;
      }
      await work(claim);
    }
  } finally {
    await engine.close();
  }
  return traces;

  async function take(): Promise<Claim | undefined> {
    try {
      return await chunks.claim([...models.keys()]);
    } catch (error) {
      say(`no chunk: ${problemOf(error).summary}`);
      await pause(poll, undefined, { signal: drain }).catch(() => undefined);
      // Not taken for an empty queue.
      return options.untilEmpty === true && !drain.aborted ? take() : undefined;
    }
  }

  async function work(claim: Claim): Promise<void> {
    const { modelSha256, photographs } = claim.chunk;
    const name = claim.id.slice(0, 8);
    say(`${name}: ${photographs.length} photographs, claim ${claim.token}`);
    const lost = new AbortController();
    const abort = AbortSignal.any([lost.signal, ...(options.abort === undefined ? [] : [options.abort])]);
    const beats = setInterval(() => {
      chunks.beat(claim).then(
        (isOurs) => {
          if (!isOurs) lost.abort();
        },
        // The database is away; whether the claim is still ours is asked again.
        () => undefined,
      );
    }, options.beat ?? defaultBeat);
    try {
      const end = await runChunk(
        {
          chunks,
          storage: tools.storage,
          worker: tools.worker,
          modelDir: models.get(modelSha256)!,
          provider: options.provider ?? 'auto',
          controlCache: path.join(options.cacheFolder, 'controls'),
          trace: async (request, signal) => {
            const trace = await engine.trace(request, { signal });
            traces += 1;
            return trace;
          },
          findDone: (keys) => findDone(cluster, keys),
          patiently: (work) => patiently(work, abort),
        },
        claim,
        { abort, drain },
      );
      if (end === 'drained')
        await giveBack(claim, { code: 'engine.cancelled', summary: 'The host was drained.' });
      say(`${name}: ${end}`);
    } catch (error) {
      await takeProblem(claim, error);
    } finally {
      clearInterval(beats);
    }
  }

  async function takeProblem(claim: Claim, error: unknown): Promise<void> {
    const cause = error instanceof HostProblem ? error.error : error;
    const problem = problemOf(cause);
    say(
      `${claim.id.slice(0, 8)}: ${problem.summary}${problem.found === undefined ? '' : ` (${problem.found})`}`,
    );
    await giveBack(claim, problem);
    if (/^(model|provider)\.|^engine\.out-of-memory$/.test(problem.code)) {
      models.delete(claim.chunk.modelSha256);
      say(`model ${claim.chunk.modelSha256.slice(0, 12)} is left to other hosts`);
    } else await pause(hostPatience, undefined, { signal: drain }).catch(() => undefined);
  }

  /** Best effort: a claim that is not given back ends with its heartbeat. */
  async function giveBack(claim: Claim, problem: Parameters<ChunkQueue['fail']>[1]): Promise<void> {
    await chunks.fail(claim, problem).catch(() => undefined);
  }
}

function engineOptions({ librariesFolder }: WorkerOptions, gpu: string | null): EngineClientOptions {
  const libraries = librariesFolder === undefined ? {} : { libraries: librariesFolder };
  if (gpu === null) return libraries;
  return {
    ...libraries,
    fork: (script, listener, environment) =>
      forkEngine(script, listener, { ...environment, CUDA_VISIBLE_DEVICES: gpu }),
  };
}

/** Tries again while the database is away; what was computed is not thrown away for it. */
async function patiently<T>(work: () => Promise<T>, abort: AbortSignal): Promise<T> {
  const until = Date.now() + databasePatience;
  for (let wait = 200; ; wait = Math.min(5000, wait * 2)) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || abort.aborted || Date.now() > until) throw error;
      await pause(wait, undefined, { signal: abort }).catch(() => undefined);
    }
  }
}
