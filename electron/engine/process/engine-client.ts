import type { CheckpointOutline, CheckpointReport } from '../../contract/models/checkpoint-report.ts';
import type {
  EngineCall,
  EngineCalls,
  EngineCommand,
  EngineEvent,
  FitLensRequest,
  LensFile,
  TapFeatures,
  TapRequest,
  EngineTraceRequest,
} from './messages.ts';
import type { CausalReading, CausalRequest } from '../lens-trace/causal-request.ts';
import type { FittedLens } from '../lens-trace/lenses/fitted-lens.ts';
import { engineSilent } from './engine-process.ts';
import { libraryEnvironment } from '../runtime/onnxruntime-files.ts';
import type { EngineProcess, EngineProcessListener, ForkEngine } from './engine-process.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { deserializeError } from '../../contract/problem.ts';
import type { FidelityReport, FidelityRequest } from '../lens-trace/fidelity-report.ts';
import type { LensTrace } from '../lens-trace/lens-trace.ts';
import type { PreparedManifest, PrepareRequest } from '../../contract/models/prepared-model.ts';
import type { ProvidersReport } from '../../contract/models/providers.ts';
import { forkEngine } from './fork-engine.ts';

/** In the sources a process's entry is TypeScript, in a build JavaScript. */
const entry = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

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
  /** Folder of the user's own that libraries of providers are installed in; see `libraryEnvironment`. */
  readonly libraries?: string;
  /** Milliseconds that an engine may be silent after a cancel before it is killed. */
  readonly cancelPatience?: number;
  /** Milliseconds that an engine with work may be silent before it is killed. */
  readonly silencePatience?: number;
}

interface PendingRequest {
  readonly engine: EngineProcess;
  readonly onProgress: ((progress: never) => void) | undefined;
  readonly resolve: (answer: EngineCalls[EngineCall]['answer']) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The engine as seen from outside: each call is answered by the engine's own process, which is started with the
 * first call, keeps its model between calls, and is started again by the next call after it has ended.
 */
export class EngineClient {
  readonly #workerPath: string | URL;
  readonly #fork: ForkEngine;
  readonly #libraries: string | undefined;
  readonly #cancelPatience: number;
  readonly #silencePatience: number;
  readonly #pending = new Map<number, PendingRequest>();
  /** When the engine last said anything, or was asked for something while it was idle. */
  #lastSign = 0;
  #watchdog: NodeJS.Timeout | undefined;
  #process: EngineProcess | null = null;
  #nextId = 1;

  constructor({
    workerPath = entry,
    fork = forkEngine,
    libraries,
    cancelPatience = limits.engine.cancel,
    silencePatience = limits.engine.silence,
  }: EngineClientOptions = {}) {
    this.#workerPath = workerPath;
    this.#cancelPatience = cancelPatience;
    this.#silencePatience = silencePatience;
    this.#fork = fork;
    this.#libraries = libraries;
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
  trace(request: EngineTraceRequest, options: RequestOptions = {}): Promise<LensTrace> {
    return this.#ask('trace', request, options);
  }

  /** Reads features of one image from inside the model; throws as {@link trace} does. */
  tap(request: TapRequest, options: RequestOptions<'tap'> = {}): Promise<TapFeatures> {
    return this.#ask('tap', request, options);
  }

  /** Exchanges states between two images; throws as {@link trace} does. */
  checkCause(request: CausalRequest, options: RequestOptions<'cause'> = {}): Promise<CausalReading> {
    return this.#ask('cause', request, options);
  }

  /** Fits a lens and writes its file; throws as {@link trace} does. */
  fitLens(request: FitLensRequest, options: RequestOptions<'fitLens'> = {}): Promise<FittedLens> {
    return this.#ask('fitLens', request, options);
  }

  /** Describes a lens by its file; throws as {@link trace} does. */
  describeLens(file: LensFile, options: RequestOptions<'describeLens'> = {}): Promise<FittedLens> {
    return this.#ask('describeLens', file, options);
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
    let escalation: NodeJS.Timeout | undefined;
    const cancel = () => {
      engine.post({ type: 'cancel', id });
      const asked = Date.now();
      escalation = setInterval(() => this.#escalate(id, asked), this.#cancelPatience);
    };
    try {
      return await new Promise((resolve, reject) => {
        if (this.#pending.size === 0) this.#lastSign = Date.now();
        this.#pending.set(id, { engine, onProgress, resolve, reject });
        this.#watch();
        signal?.addEventListener('abort', cancel, { once: true });
        engine.post({ type, id, request } as EngineCommand);
      });
    } finally {
      clearInterval(escalation);
      this.#pending.delete(id);
      if (this.#pending.size === 0) clearInterval(this.#watchdog);
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** A cancel that is not heeded: an engine that works on something else will come to it, another is killed. */
  #escalate(id: number, asked: number): void {
    const request = this.#pending.get(id);
    const silent = Date.now() - Math.max(asked, this.#lastSign);
    if (request === undefined || silent < this.#cancelPatience * 0.9) return;
    request.reject(new FundusLensError('engine.cancelled', 'The work was cancelled.'));
    this.#kill(request.engine, engineSilent(silent));
  }

  /** Looks after the engine while it has work. */
  #watch(): void {
    clearInterval(this.#watchdog);
    this.#watchdog = setInterval(() => {
      const silent = Date.now() - this.#lastSign;
      if (silent < this.#silencePatience || this.#process === null) return;
      this.#kill(this.#process, engineSilent(silent));
    }, this.#silencePatience / 4);
    this.#watchdog.unref();
  }

  #kill(engine: EngineProcess, reason: FundusLensError): void {
    if (this.#process === engine) this.#process = null;
    for (const request of this.#pending.values()) {
      if (request.engine === engine) request.reject(reason);
    }
    engine.kill();
  }

  #start(): EngineProcess {
    this.#lastSign = Date.now();
    // Anew at every start: a library may have been installed since.
    const environment = this.#libraries === undefined ? {} : libraryEnvironment(this.#libraries);
    const listener: EngineProcessListener = {
      onEvent: (event) => this.#receive(event),
      onEnd: (error) => {
        if (this.#process === engine) this.#process = null;
        for (const request of this.#pending.values()) {
          if (request.engine === engine) request.reject(error);
        }
      },
    };
    const engine = this.#fork(this.#workerPath, listener, environment);
    return engine;
  }

  #receive(event: EngineEvent): void {
    this.#lastSign = Date.now();
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
