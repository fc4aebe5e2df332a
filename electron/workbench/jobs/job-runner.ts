import { randomUUID } from 'node:crypto';
import type { EngineProgress } from '../../engine/lens-trace/progress.ts';
import type { TraceRequest } from '../../engine/process/messages.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { problemOf } from '../../contract/problem.ts';
import { toJobError } from '../../store/jobs/job-error.ts';
import type { Library } from '../../store/library.ts';
import { listControls } from '../traces/control-images.ts';
import type { Engines } from '../engines.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { folderOf, noteGate } from '../models/model-state.ts';
import { traceJobSchema, traceKey } from './trace-job.ts';
import type { TraceJob } from './trace-job.ts';
import { upcomingImages } from './upcoming-images.ts';

export interface RunnerOptions {
  /** How often an idle runner looks for jobs of other processes and for due retries. */
  readonly pollMilliseconds?: number;
  readonly leaseMilliseconds?: number;
  /** Times the number of attempts so far. */
  readonly retryMilliseconds?: number;
  readonly onError?: (event: string, error: unknown) => void;
}

const progressMilliseconds = 100;

interface RunningJob {
  readonly id: number;
  readonly imageId: number | null;
  readonly controller: AbortController;
}

/**
 * Runs the queue, one job at a time on one warm engine. Any number of processes may run the same queue: each job is
 * claimed with a lease that is renewed while it runs, and its result is stored and the job ended in one transaction.
 */
export class JobRunner {
  /** Begins with the process id, so that a later start knows whether this worker is still alive. */
  readonly worker = `${process.pid}.${randomUUID()}`;
  readonly #session: LibrarySession;
  readonly #engines: Engines;
  readonly #events: EventLog;
  readonly #options: Required<RunnerOptions>;
  #running: RunningJob | null = null;
  #loop: Promise<void> | null = null;
  #stopping = false;
  #wake: () => void = () => undefined;
  #modelKey = '';

  constructor(
    { session, engines, events }: { session: LibrarySession; engines: Engines; events: EventLog },
    options: RunnerOptions = {},
  ) {
    this.#session = session;
    this.#engines = engines;
    this.#events = events;
    this.#options = {
      pollMilliseconds: 1000,
      leaseMilliseconds: 60_000,
      retryMilliseconds: 2000,
      onError: () => undefined,
      ...options,
    };
  }

  /** Puts back what dead workers left, and begins. Does nothing in a library that cannot be written. */
  start(): void {
    if (this.#loop !== null || this.#session.isReadOnly) return;
    this.#stopping = false;
    this.#recover(this.#isAlive);
    this.#loop = this.#run();
  }

  /** Gives a running job back to the queue, unharmed, and ends. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#running?.controller.abort();
    this.#wake();
    await this.#loop;
    this.#loop = null;
  }

  /** Call after a change of the queue, so that nothing waits for the next look. */
  notice(): void {
    this.#wake();
  }

  /** Ends the given jobs where one of them runs here; their state must have changed already. */
  abort(ids: readonly number[]): void {
    if (this.#running !== null && ids.includes(this.#running.id)) this.#running.controller.abort();
  }

  /** Ends the job of an image that was removed. */
  abortJobsOf(imageIds: readonly number[]): void {
    const imageId = this.#running?.imageId ?? null;
    if (imageId !== null && imageIds.includes(imageId)) this.#running?.controller.abort();
  }

  publish(id: number): void {
    const { state, imageId, traceId, error } = this.#library.jobs.get(id);
    this.#events.publish({ type: 'job', jobId: id, state, imageId, traceId, problem: error });
  }

  get #library(): Library {
    return this.#session.library;
  }

  async #run(): Promise<void> {
    let lookedForDead = Date.now();
    while (!this.#stopping) {
      const job = this.#claim();
      if (job !== undefined) await this.#attempt(job);
      else await this.#sleep();
      if (Date.now() - lookedForDead > this.#options.leaseMilliseconds / 2) {
        lookedForDead = Date.now();
        this.#recover(() => true);
      }
    }
  }

  #claim(): Job | undefined {
    const { leaseMilliseconds } = this.#options;
    return this.#tolerate('claim', () =>
      this.#library.jobs.claim({ worker: this.worker, modelKey: this.#modelKey, leaseMilliseconds }),
    );
  }

  async #attempt(job: Job): Promise<void> {
    const controller = new AbortController();
    this.#running = { id: job.id, imageId: job.imageId, controller };
    this.#modelKey = job.modelKey;
    const { leaseMilliseconds } = this.#options;
    const renewal = setInterval(() => {
      const ours = this.#tolerate('renew', () =>
        this.#library.jobs.renew(job.id, this.worker, leaseMilliseconds),
      );
      if (ours === false) controller.abort();
    }, leaseMilliseconds / 4);
    this.#tolerate('publish', () => this.publish(job.id));
    try {
      const traceJob = traceJobSchema.parse(job.request);
      const trace = await this.#traceOnce(job, traceJob, controller.signal);
      this.#finish(job, traceJob, trace);
    } catch (error) {
      this.#tolerate('fail', () => this.#endBadly(job, error));
    } finally {
      clearInterval(renewal);
      this.#running = null;
      this.#tolerate('publish', () => this.publish(job.id));
    }
  }

  /** @returns null when the trace is there already, as after a crash between two processes */
  async #traceOnce(job: Job, traceJob: TraceJob, signal: AbortSignal): Promise<LensTrace | null> {
    const library = this.#library;
    if (library.traces.findByContentKey(traceKey(traceJob)) !== undefined) return null;
    const { prompt, lens, positions, maxPixels, topK, generate, traceGenerated, controls, provider } =
      traceJob;
    const model = library.models.get(traceJob.modelId);
    const image = job.imageId === null ? null : library.images.get(job.imageId);
    const request: TraceRequest = {
      modelDir: folderOf(model),
      imagePath: image === null ? null : library.images.readableFile(image),
      prompt,
      lens,
      positions,
      maxPixels,
      topK,
      conceptSet: library.conceptSets.get(traceJob.conceptSetRow).set,
      provider,
      generate,
      traceGenerated,
      controls: controls ? listControls() : null,
      upcoming: this.#tolerate('peek', () => upcomingImages(library, job, traceJob)) ?? [],
      dumpPath: null,
    };
    const onProgress = this.#throttle(job.id);
    const trace = await this.#engines.trace(model.id, request, { signal, onProgress });
    if (trace.model.sha256 !== traceJob.modelSha256) throw otherModel(traceJob, trace);
    if (image !== null && image.renderingPath === null && trace.image?.sha256 !== image.sha256) {
      throw otherImage();
    }
    return trace;
  }

  #finish(job: Job, traceJob: TraceJob, trace: LensTrace | null): void {
    const library = this.#library;
    const contentKey = traceKey(traceJob);
    const { set: conceptSet } = library.conceptSets.get(traceJob.conceptSetRow);
    const ended = library.jobs.finish(job.id, this.worker, () =>
      trace === null
        ? (library.traces.findByContentKey(contentKey) ?? null)
        : library.traces.insert(trace, { imageId: job.imageId, contentKey, conceptSet }),
    );
    const traceId = library.traces.findByContentKey(contentKey);
    if (!ended || traceId === undefined || trace === null) return;
    noteGate(library, trace);
    this.#events.publish({ type: 'library', what: 'traces', ids: [traceId] });
    this.#events.publish({ type: 'models' });
  }

  #endBadly(job: Job, error: unknown): void {
    const { jobs } = this.#library;
    const code = problemOf(error).code;
    if (this.#stopping && code === 'engine.cancelled') {
      jobs.release(job.id, this.worker);
      return;
    }
    // A job that was cancelled or removed meanwhile is no longer ours, and `fail` leaves it alone.
    const retry = code === 'engine.killed' || code === 'engine.cancelled' || code === 'library.locked';
    const retryAfterMilliseconds = this.#options.retryMilliseconds * job.attempts;
    jobs.fail(job.id, this.worker, toJobError(error), { retry, retryAfterMilliseconds });
    if (code === 'internal') this.#options.onError('job-failed', error);
  }

  #throttle(jobId: number): (progress: EngineProgress) => void {
    let last = 0;
    let lastStage = '';
    return ({ stage, done, total }) => {
      const now = Date.now();
      if (stage === lastStage && done !== total && now - last < progressMilliseconds) return;
      last = now;
      lastStage = stage;
      this.#events.publish({ type: 'job-progress', jobId, stage, done, total });
    };
  }

  #recover(isAlive: (worker: string) => boolean): void {
    for (const id of this.#tolerate('recover', () => this.#library.jobs.recover(isAlive)) ?? []) {
      this.#tolerate('publish', () => this.publish(id));
    }
  }

  readonly #isAlive = (worker: string): boolean => {
    const pid = Number(worker.split('.', 1)[0]);
    if (worker === this.worker) return true;
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'EPERM';
    }
  };

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.pollMilliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }

  /** The queue must go on when the library is locked for a moment, full, or a job was removed under our hands. */
  #tolerate<T>(what: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#options.onError(`jobs-${what}`, error);
      return undefined;
    }
  }
}

function otherModel({ modelSha256 }: TraceJob, { model }: LensTrace): FundusLensError {
  return new FundusLensError('model.weights-invalid', 'The model folder holds another model than before.', {
    expected: `a checkpoint with SHA-256 ${modelSha256}`,
    found: model.sha256,
    advice: 'Add the folder again under "Models", then order the traces anew.',
  });
}

function otherImage(): FundusLensError {
  return new FundusLensError('image.unreadable', 'The image file has changed since it was imported.', {
    expected: 'the content that was imported',
    advice: 'Import the file again.',
  });
}
