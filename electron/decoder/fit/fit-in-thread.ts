import { Worker } from 'node:worker_threads';
import { cancelled, deserializeDecoderError } from '../request/errors.ts';
import type { FitProgress, FitResult } from './fit-decoder.ts';
import type { FitMessage, FitTask } from './fit-worker.ts';
import type { FitRequest } from '../request/request.ts';

const entry = new URL(`./fit-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

export interface FitInThreadOptions {
  readonly onProgress?: (progress: FitProgress) => void;
  readonly signal?: AbortSignal;
  /** Threads for the linear algebra; memory grows with them. */
  readonly threads?: number;
}

/**
 * `fitDecoder` in threads of its own, so that the caller's stays free. The signal ends them at once.
 *
 * @throws DecoderError as `fitDecoder`
 */
export async function fitDecoderInThread(
  request: FitRequest,
  { onProgress, signal, threads = 2 }: FitInThreadOptions = {},
): Promise<FitResult> {
  if (signal?.aborted) throw cancelled();
  const task: FitTask = { request, threads };
  const worker = new Worker(entry, { workerData: task });
  const stop = new AbortController();
  try {
    return await new Promise<FitResult>((resolve, reject) => {
      worker.on('message', (message: FitMessage) => {
        if ('progress' in message) onProgress?.(message.progress);
        else if ('result' in message) resolve(message.result);
        else reject(deserializeDecoderError(message.failure));
      });
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('The thread of the fit ended.')));
      signal?.addEventListener('abort', () => reject(cancelled()), { once: true, signal: stop.signal });
    });
  } finally {
    stop.abort();
    // Threads that it started end with it.
    await worker.terminate();
  }
}
