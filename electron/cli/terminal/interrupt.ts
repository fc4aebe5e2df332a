import { exitCodes } from '../exit-codes.ts';

/** How long running work may take to notice that it is cancelled, milliseconds. */
const patience = 2000;

/**
 * Turns Ctrl-C (or a request to end) into an abort, which is seen at the next chunk of work. Work that does not
 * notice in time is ended with its process; a second Ctrl-C ends at once.
 *
 * @param end stops the work by force
 */
export function cancelOnInterrupt(end: () => Promise<void>): AbortSignal {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(exitCodes.cancelled);
    controller.abort();
    setTimeout(() => void end(), patience).unref();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
}
