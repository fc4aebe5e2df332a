import type { CheckpointOutline, CheckpointReport } from '../contract/models/checkpoint-report.ts';
import type { CausalReading, CausalRequest } from '../engine/lens-trace/causal-request.ts';
import type { FittedLens } from '../engine/lens-trace/lenses/fitted-lens.ts';
import type {
  EngineTraceRequest,
  FitLensRequest,
  TapFeatures,
  TapRequest,
} from '../engine/process/messages.ts';
import { FundusLensError } from '../contract/errors.ts';
import type { FidelityReport, FidelityRequest } from '../engine/lens-trace/fidelity-report.ts';
import type { LensTrace } from '../engine/lens-trace/lens-trace.ts';
import type { PreparedManifest, PrepareRequest } from '../contract/models/prepared-model.ts';
import type { ProvidersReport } from '../contract/models/providers.ts';
import { problemOf } from '../contract/problem.ts';
import { EngineClient } from '../engine/process/engine-client.ts';
import type { EngineClientOptions, RequestOptions } from '../engine/process/engine-client.ts';
import type { EventLog } from './events/event-log.ts';

interface WarmEngine {
  readonly client: EngineClient;
  readonly modelId: number | null;
  /** Requests under way. */
  busy: number;
  lastUsed: number;
}

/** How long the process that describes checkpoints waits for another question, milliseconds. */
const describerPatience = 10_000;
/** Engines that keep their model in memory at a time; the one used longest ago ends first. */
const defaultMaxWarm = 1;

/**
 * One engine process per checkpoint folder. A process that ends is started anew by the next request; ending a process is
 * the only way to give the memory of its model back.
 */
export class Engines {
  readonly #warm = new Map<string, WarmEngine>();
  readonly #describer: EngineClient;
  /** Processes for one request each. */
  readonly #lone = new Set<EngineClient>();
  #describing = 0;
  #describerEnd: NodeJS.Timeout | undefined;
  readonly #events: EventLog;
  readonly #clientOptions: EngineClientOptions;
  readonly #maxWarm: number;

  constructor(
    events: EventLog,
    { maxWarm = defaultMaxWarm, ...clientOptions }: EngineClientOptions & { readonly maxWarm?: number } = {},
  ) {
    this.#events = events;
    this.#clientOptions = clientOptions;
    this.#describer = new EngineClient(clientOptions);
    this.#maxWarm = maxWarm;
  }

  /** Process ids of the engines that hold a model. */
  get pids(): number[] {
    return [...this.#warm.values()].flatMap(({ client }) => client.pid ?? []);
  }

  /** @throws whatever `EngineClient.trace` throws */
  trace(
    modelId: number | null,
    request: EngineTraceRequest,
    options: RequestOptions = {},
  ): Promise<LensTrace> {
    return this.#use(request.modelDir, modelId, (client) => client.trace(request, options));
  }

  /** @throws whatever `EngineClient.tap` throws */
  tap(
    modelId: number | null,
    request: TapRequest,
    options: RequestOptions<'tap'> = {},
  ): Promise<TapFeatures> {
    return this.#use(request.modelDir, modelId, (client) => client.tap(request, options));
  }

  /** @throws whatever `EngineClient.checkCause` throws */
  checkCause(
    modelId: number | null,
    request: CausalRequest,
    options: RequestOptions<'cause'> = {},
  ): Promise<CausalReading> {
    return this.#use(request.modelDir, modelId, (client) => client.checkCause(request, options));
  }

  /** @throws whatever `EngineClient.fitLens` throws */
  fitLens(
    modelId: number | null,
    request: FitLensRequest,
    options: RequestOptions<'fitLens'> = {},
  ): Promise<FittedLens> {
    return this.#use(request.modelDir, modelId, (client) => client.fitLens(request, options));
  }

  /**
   * Reads a lens's file; one of the public format is replaced by one of ours.
   *
   * @param name what it is called in an error
   * @param model what it was fitted to, for a file that does not say so itself
   */
  describeLens(file: string, name: string, model: FittedLens['model'] | null): Promise<FittedLens> {
    return this.#ask((client) => client.describeLens({ file, name, model }));
  }

  /** Reads a checkpoint and hashes it. */
  inspect(folder: string, options: RequestOptions<'inspect'> = {}): Promise<CheckpointReport> {
    return this.#ask((client) => client.inspect(folder, options));
  }

  /** Reads a checkpoint's small files and headers. */
  outline(folder: string, options: RequestOptions<'outline'> = {}): Promise<CheckpointOutline> {
    return this.#ask((client) => client.outline(folder, options));
  }

  /** Tries every provider of this machine. */
  providers(options: RequestOptions<'providers'> = {}): Promise<ProvidersReport> {
    return this.#alone((client) => client.providers(options));
  }

  /** Writes a checkpoint's weights in another format. */
  prepare(request: PrepareRequest, options: RequestOptions<'prepare'> = {}): Promise<PreparedManifest> {
    return this.#alone((client) => client.prepare(request, options));
  }

  /** Compares prepared weights with those they were made from. */
  verify(request: FidelityRequest, options: RequestOptions<'verify'> = {}): Promise<FidelityReport> {
    return this.#alone((client) => client.verify(request, options));
  }

  /** Whether a request for the model in that folder is under way here. */
  isBusy(folder: string): boolean {
    return (this.#warm.get(folder)?.busy ?? 0) > 0;
  }

  /** Ends the process that has this folder's model in memory; requests under way are rejected. */
  async close(folder: string): Promise<void> {
    const engine = this.#warm.get(folder);
    if (engine === undefined) return;
    this.#warm.delete(folder);
    await engine.client.close();
    this.#events.publish({ type: 'engine', modelId: engine.modelId, state: 'stopped', problem: null });
  }

  /** Ends the processes that have nothing to do, so that their models' next request starts in a new environment. */
  async closeIdle(): Promise<void> {
    const idle = [...this.#warm].filter(([, { busy }]) => busy === 0);
    await Promise.all(idle.map(([folder]) => this.close(folder)));
  }

  /** Ends the processes; requests under way are rejected. */
  async closeAll(): Promise<number> {
    const engines = [...this.#warm.values()];
    this.#warm.clear();
    clearTimeout(this.#describerEnd);
    // At the same time, so that several that hang take no longer than one.
    const clients = [this.#describer, ...this.#lone, ...engines.map(({ client }) => client)];
    await Promise.all(clients.map((client) => client.close()));
    for (const { modelId } of engines) {
      this.#events.publish({ type: 'engine', modelId, state: 'stopped', problem: null });
    }
    return engines.length;
  }

  /** In a process that only describes, holds no model, and ends when nobody has asked it for a while. */
  async #ask<T>(work: (client: EngineClient) => Promise<T>): Promise<T> {
    clearTimeout(this.#describerEnd);
    this.#describing += 1;
    try {
      return await work(this.#describer);
    } finally {
      this.#describing -= 1;
      if (this.#describing === 0) {
        this.#describerEnd = setTimeout(() => void this.#describer.close(), describerPatience);
        this.#describerEnd.unref();
      }
    }
  }

  /** In a process of its own, so that a warm model stays and all memory is given back afterwards. */
  async #alone<T>(work: (client: EngineClient) => Promise<T>): Promise<T> {
    const client = new EngineClient(this.#clientOptions);
    this.#lone.add(client);
    try {
      return await work(client);
    } finally {
      this.#lone.delete(client);
      await client.close();
    }
  }

  async #use<T>(
    folder: string,
    modelId: number | null,
    work: (client: EngineClient) => Promise<T>,
  ): Promise<T> {
    const engine = await this.#open(folder, modelId);
    const publish = (state: 'starting' | 'ready' | 'busy' | 'crashed', error?: unknown) =>
      this.#events.publish({
        type: 'engine',
        modelId,
        state,
        problem: error === undefined ? null : problemOf(error),
      });
    publish(engine.client.pid === null ? 'starting' : 'busy');
    engine.busy += 1;
    try {
      const result = await work(engine.client);
      publish('ready');
      return result;
    } catch (error) {
      if (error instanceof FundusLensError && error.code === 'engine.killed') publish('crashed', error);
      else publish('ready');
      throw error;
    } finally {
      engine.busy -= 1;
      engine.lastUsed = Date.now();
    }
  }

  async #open(folder: string, modelId: number | null): Promise<WarmEngine> {
    const known = this.#warm.get(folder);
    if (known !== undefined) return known;
    const engine: WarmEngine = {
      client: new EngineClient(this.#clientOptions),
      modelId,
      busy: 0,
      lastUsed: Date.now(),
    };
    this.#warm.set(folder, engine);
    const idle = [...this.#warm]
      .filter(([, other]) => other !== engine && other.busy === 0)
      .sort(([, a], [, b]) => a.lastUsed - b.lastUsed);
    for (const [otherFolder, other] of idle.slice(0, Math.max(0, this.#warm.size - this.#maxWarm))) {
      this.#warm.delete(otherFolder);
      await other.client.close();
      this.#events.publish({ type: 'engine', modelId: other.modelId, state: 'stopped', problem: null });
    }
    return engine;
  }
}
