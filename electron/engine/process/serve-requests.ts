import type { EngineCall, EngineCalls, EngineCommand, EngineEvent, EngineRequest } from './messages.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { serializeError } from '../../contract/problem.ts';

/** The two ends of the engine's line to its parent, whichever kind of process it runs in. */
export interface EngineChannel {
  post(event: EngineEvent): void;
  onCommand(listener: (command: EngineCommand) => void): void;
  /** The parent is gone, or has closed the line. */
  onClose(listener: () => void): void;
}

export interface CallHooks<C extends EngineCall> {
  readonly onProgress: (progress: EngineCalls[C]['progress']) => void;
  readonly signal: AbortSignal;
}

/** The work itself; each looks at `hooks.signal` between chunks and rejects with `engine.cancelled`. */
export type EngineHandlers = {
  readonly [C in EngineCall]: (
    request: EngineCalls[C]['request'],
    hooks: CallHooks<C>,
  ) => Promise<EngineCalls[C]['answer']>;
};

/**
 * Answers requests one after the other, so that only one of them uses the device and its memory. A cancelled
 * request ends at its next chunk, or at once when its turn has not come.
 *
 * @returns when the parent asks for the end or goes away; work that is still running is cancelled
 */
export function serveRequests(channel: EngineChannel, handlers: EngineHandlers): Promise<void> {
  const running = new Map<number, AbortController>();
  let queue = Promise.resolve();

  const answer = async ({ type, id, request }: EngineRequest, signal: AbortSignal): Promise<EngineEvent> => {
    if (signal.aborted) throw new FundusLensError('engine.cancelled', 'The work was cancelled.');
    // Each handler is asked with its own request only.
    const handle = handlers[type] as (
      request: EngineRequest['request'],
      hooks: CallHooks<EngineCall>,
    ) => Promise<EngineCalls[EngineCall]['answer']>;
    const onProgress: CallHooks<EngineCall>['onProgress'] = (progress) =>
      channel.post({ type: 'progress', id, progress });
    return { type: 'answer', id, answer: await handle(request, { signal, onProgress }) };
  };

  const enqueue = (work: EngineRequest) => {
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
