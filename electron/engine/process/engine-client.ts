import type {
  CheckpointOutline,
  CheckpointReport,
  EngineCall,
  EngineCalls,
  EngineCommand,
  EngineEvent,
  TraceRequest,
} from './messages.ts';
import type { EngineProcess, ForkEngine } from './engine-process.ts';
import { FundusLensError, deserializeError } from '../../contract/errors.ts';
import type { FidelityReport, FidelityRequest } from '../lens-trace/fidelity-report.ts';
import type { LensTrace } from '../lens-trace/lens-trace.ts';
import type { PreparedManifest, PrepareRequest } from '../../contract/prepared-model.ts';
import type { ProvidersReport } from '../../contract/providers.ts';
import { forkEngine } from './fork-engine.ts';

export interface RequestOptions<C extends EngineCall = 'trace'> {
  readonly onProgress?: (progress: EngineCalls[C]['progress']) => void;
  /** An abort ends the request at its next chunk with `engine.cancelled`. */
  readonly signal?: AbortSignal;
}

export interface EngineClientOptions {
  /** Script of the engine process. */
  readonly workerPath?: string | URL;
  /** How the process is started; by Node unless the desktop's runtime does it. */
  readonly fork?: ForkEngine;
}

interface PendingRequest {
  readonly engine: EngineProcess;
  readonly onProgress: ((progress: never) => void) | undefined;
  readonly resolve: (answer: EngineCalls[EngineCall]['answer']) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The engine as seen from outside: each call is answered by the engine's own process, which is started with the
 * first call, keeps its model between calls, and is started anew by the next call after it has ended.
 */
export class EngineClient {
  readonly #workerPath: string | URL;
  readonly #fork: ForkEngine;
  readonly #pending = new Map<number, PendingRequest>();
  #process: EngineProcess | null = null;
  #nextId = 1;

  constructor({
    workerPath = new URL('./worker.ts', import.meta.url),
    fork = forkEngine,
  }: EngineClientOptions = {}) {
    this.#workerPath = workerPath;
    this.#fork = fork;
  }

  /** Process id of the running engine; null when none runs. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /**
   * Traces one image.
   *
   * @throws FundusLensError whatever the engine found wrong; `engine.cancelled` after an abort; `engine.killed`
   *   within two seconds of the end of the engine's process
   */
  trace(request: TraceRequest, options: RequestOptions = {}): Promise<LensTrace> {
    return this.#ask('trace', request, options);
  }

  /** Describes a checkpoint by its headers; throws as {@link trace} does. */
  outline(modelDir: string, options: RequestOptions<'outline'> = {}): Promise<CheckpointOutline> {
    return this.#ask('outline', modelDir, options);
  }

  /** Describes a checkpoint and hashes it; throws as {@link trace} does. */
  inspect(modelDir: string, options: RequestOptions<'inspect'> = {}): Promise<CheckpointReport> {
    return this.#ask('inspect', modelDir, options);
  }

  /** Tries every provider of this machine; throws as {@link trace} does. */
  providers(options: RequestOptions<'providers'> = {}): Promise<ProvidersReport> {
    return this.#ask('providers', null, options);
  }

  /** Writes a checkpoint's weights in another format; throws as {@link trace} does. */
  prepare(request: PrepareRequest, options: RequestOptions<'prepare'> = {}): Promise<PreparedManifest> {
    return this.#ask('prepare', request, options);
  }

  /** Compares prepared weights with those they were made from; throws as {@link trace} does. */
  verify(request: FidelityRequest, options: RequestOptions<'verify'> = {}): Promise<FidelityReport> {
    return this.#ask('verify', request, options);
  }

  /** Ends the engine's process and waits until it is gone; requests under way are rejected. */
  async close(): Promise<void> {
    const engine = this.#process;
    this.#process = null;
    await engine?.end();
  }

  async #ask<C extends EngineCall>(
    type: C,
    request: EngineCalls[C]['request'],
    { onProgress, signal }: RequestOptions<C>,
  ): Promise<EngineCalls[C]['answer']> {
    if (signal?.aborted === true) throw new FundusLensError('engine.cancelled', 'The work was cancelled.');
    const engine = (this.#process ??= this.#start());
    const id = this.#nextId++;
    const cancel = () => engine.post({ type: 'cancel', id });
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { engine, onProgress, resolve, reject });
        signal?.addEventListener('abort', cancel, { once: true });
        engine.post({ type, id, request } as EngineCommand);
      });
    } finally {
      this.#pending.delete(id);
      signal?.removeEventListener('abort', cancel);
    }
  }

  #start(): EngineProcess {
    const engine = this.#fork(this.#workerPath, {
      onEvent: (event) => this.#receive(event),
      onEnd: (error) => {
        if (this.#process === engine) this.#process = null;
        for (const request of this.#pending.values()) {
          if (request.engine === engine) request.reject(error);
        }
      },
    });
    return engine;
  }

  #receive(event: EngineEvent): void {
    if (event.type === 'ready') return;
    const request = this.#pending.get(event.id);
    if (request === undefined) return;
    switch (event.type) {
      case 'progress':
        request.onProgress?.(event.progress as never);
        break;
      case 'answer':
        request.resolve(event.answer);
        break;
      case 'error':
        request.reject(deserializeError(event.error));
        break;
    }
  }
}
