import { ORPCError, onError } from '@orpc/server';
import type { Context } from '@orpc/server';
import type { StandardRPCHandlerOptions } from '@orpc/server/standard';
import type { Log } from './log.ts';

/**
 * How both faces answer calls: whatever was not foreseen is written to the log, where the person's message box can
 * only say that something went wrong. A refused payload or an expected error is an answer, not an event.
 */
export function createCallOptions(log: Log): StandardRPCHandlerOptions<Context> {
  return {
    interceptors: [
      onError((error) => {
        if (error instanceof ORPCError && error.status < 500) return;
        log.error('call-failed', error);
      }),
    ],
  };
}
