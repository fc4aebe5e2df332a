import type { CheckpointReport, TraceRequest } from '../common/engine-messages.ts';
import { FundusLensError } from '../common/errors.ts';
import type { LensTrace } from '../common/lens-trace.ts';
import { problemOf } from '../common/problem.ts';
import { EngineClient } from '../engine-client/engine-client.ts';
import type { EngineClientOptions, RequestOptions } from '../engine-client/engine-client.ts';
import type { EventLog } from './event-log.ts';

interface WarmEngine {
  readonly client: EngineClient;
  readonly modelId: number | null;
  /** Requests under way. */
  busy: number;
  lastUsed: number;
}

/** Engines that keep their model in memory at a time; the one used longest ago ends first. */
const defaultMaxWarm = 1;

/**
 * One engine process per checkpoint folder. A process that ends is started anew by the next request; ending a process is
 * the only way to give the memory of its model back.
 */
export class Engines {
  readonly #warm = new Map<string, WarmEngine>();
  readonly #events: EventLog;
  readonly #clientOptions: EngineClientOptions;
  readonly #maxWarm: number;

  constructor(
    events: EventLog,
    { maxWarm = defaultMaxWarm, ...clientOptions }: EngineClientOptions & { readonly maxWarm?: number } = {},
  ) {
    this.#events = events;
    this.#clientOptions = clientOptions;
    this.#maxWarm = maxWarm;
  }

  /** Process ids of the running engines. */
  get pids(): number[] {
    return [...this.#warm.values()].flatMap(({ client }) => client.pid ?? []);
  }

  /** @throws whatever `EngineClient.trace` throws */
  trace(modelId: number | null, request: TraceRequest, options: RequestOptions = {}): Promise<LensTrace> {
    return this.#use(request.modelDir, modelId, (client) => client.trace(request, options));
  }

  /** Reads a checkpoint in a process of its own, so that a warm model stays. */
  async inspect(folder: string, options: RequestOptions = {}): Promise<CheckpointReport> {
    const client = new EngineClient(this.#clientOptions);
    try {
      return await client.inspect(folder, options);
    } finally {
      await client.close();
    }
  }

  /** Ends the processes; requests under way are rejected. */
  async closeAll(): Promise<number> {
    const engines = [...this.#warm.values()];
    this.#warm.clear();
    for (const { client, modelId } of engines) {
      await client.close();
      this.#events.publish({ type: 'engine', modelId, state: 'stopped', problem: null });
    }
    return engines.length;
  }

  async #use<T>(
    folder: string,
    modelId: number | null,
    work: (client: EngineClient) => Promise<T>,
  ): Promise<T> {
    const engine = await this.#open(folder, modelId);
    const tell = (state: 'starting' | 'ready' | 'busy' | 'crashed', error?: unknown) =>
      this.#events.publish({
        type: 'engine',
        modelId,
        state,
        problem: error === undefined ? null : problemOf(error),
      });
    tell(engine.client.pid === null ? 'starting' : 'busy');
    engine.busy += 1;
    try {
      const result = await work(engine.client);
      tell('ready');
      return result;
    } catch (error) {
      if (error instanceof FundusLensError && error.code === 'engine.killed') tell('crashed', error);
      else tell('ready');
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
