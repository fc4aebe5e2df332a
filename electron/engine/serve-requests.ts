import type {
  CheckpointReport,
  EngineCommand,
  EngineEvent,
  TraceRequest,
} from '../common/engine-messages.ts';
import { FundusLensError, serializeError } from '../common/errors.ts';
import type { LensTrace } from '../common/lens-trace.ts';
import type { TraceHooks } from './trace-hooks.ts';

/** The two ends of the engine's line to its parent, whichever kind of process it runs in. */
export interface EngineChannel {
  post(event: EngineEvent): void;
  onCommand(listener: (command: EngineCommand) => void): void;
  /** The parent is gone, or has closed the line. */
  onClose(listener: () => void): void;
}

/** The work itself; both look at `hooks.signal` between chunks and reject with `engine.cancelled`. */
export interface EngineHandlers {
  trace(request: TraceRequest, hooks: TraceHooks): Promise<LensTrace>;
  inspect(modelDir: string, hooks: TraceHooks): Promise<CheckpointReport>;
}

type Work = Extract<EngineCommand, { type: 'trace' | 'inspect' }>;

/**
 * Answers requests one after the other, so that only one of them uses the device and its memory. A cancelled
 * request ends at its next chunk, or at once when its turn has not come.
 *
 * @returns when the parent asks for the end or goes away; work that is still running is cancelled
 */
export function serveRequests(channel: EngineChannel, handlers: EngineHandlers): Promise<void> {
  const running = new Map<number, AbortController>();
  let queue = Promise.resolve();

  const answer = async (work: Work, signal: AbortSignal): Promise<EngineEvent> => {
    const { id } = work;
    const hooks: TraceHooks = {
      signal,
      onProgress: (progress) => channel.post({ type: 'progress', id, progress }),
    };
    if (signal.aborted) throw new FundusLensError('engine.cancelled', 'The work was cancelled.');
    return work.type === 'trace'
      ? { type: 'trace', id, trace: await handlers.trace(work.request, hooks) }
      : { type: 'report', id, report: await handlers.inspect(work.modelDir, hooks) };
  };

  const enqueue = (work: Work) => {
    const controller = new AbortController();
    running.set(work.id, controller);
    queue = queue
      .then(() => answer(work, controller.signal))
      .catch((error: unknown): EngineEvent => ({ type: 'error', id: work.id, error: serializeError(error) }))
      .then((event) => {
        running.delete(work.id);
        channel.post(event);
      });
  };

  return new Promise((resolve) => {
    const end = () => {
      for (const controller of running.values()) controller.abort();
      resolve();
    };
    channel.onClose(end);
    channel.onCommand((command) => {
      if (command.type === 'shutdown') end();
      else if (command.type === 'cancel') running.get(command.id)?.abort();
      else enqueue(command);
    });
    channel.post({ type: 'ready' });
  });
}
