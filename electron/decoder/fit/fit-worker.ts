/** Entry of the thread that runs a fit and gives its linear algebra to further threads. */

import { parentPort, workerData } from 'node:worker_threads';
import { serializeDecoderError } from '../request/errors.ts';
import type { SerializedDecoderError } from '../request/errors.ts';
import { fitDecoder } from './fit-decoder.ts';
import type { FitProgress, FitResult } from './fit-decoder.ts';
import { JobThreads } from './job-threads.ts';
import type { FitRequest } from '../request/request.ts';

export interface FitTask {
  readonly request: FitRequest;
  readonly threads: number;
}

export type FitMessage =
  | { readonly progress: FitProgress }
  | { readonly result: FitResult }
  | { readonly failure: SerializedDecoderError };

const { request, threads } = workerData as FitTask;
const post = (message: FitMessage) => parentPort?.postMessage(message);
const runner = new JobThreads(threads);
try {
  post({ result: await fitDecoder(request, { runner, onProgress: (progress) => post({ progress }) }) });
} catch (error) {
  post({ failure: serializeDecoderError(error) });
} finally {
  await runner.end();
}
