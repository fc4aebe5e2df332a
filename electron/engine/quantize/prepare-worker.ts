/** Entry of a preparing thread: does one job after the other. */

import { parentPort } from 'node:worker_threads';
import { runPrepareJob, type PrepareJob, type PrepareResult } from './prepare-job.ts';

export type PrepareAnswer =
  | { readonly result: PrepareResult }
  | { readonly failure: { readonly message: string; readonly isRange: boolean } };

parentPort?.on('message', (job: PrepareJob) => {
  parentPort?.postMessage(answer(job));
});

function answer(job: PrepareJob): PrepareAnswer {
  try {
    return { result: runPrepareJob(job) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { failure: { message, isRange: error instanceof RangeError } };
  }
}
