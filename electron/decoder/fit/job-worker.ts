/** Entry of a thread that does one job of a fit after the other. */

import { parentPort } from 'node:worker_threads';
import { calibrateLayer } from '../layer/calibrate-layer.ts';
import { serializeDecoderError } from '../request/errors.ts';
import type { SerializedDecoderError } from '../request/errors.ts';
import { evaluateLayer } from '../layer/evaluate-layer.ts';
import type { DecoderJob } from './run-jobs.ts';
import { trainHeads } from '../layer/train-heads.ts';

export type JobAnswer = { readonly result: unknown } | { readonly failure: SerializedDecoderError };

parentPort?.on('message', (job: DecoderJob) => parentPort?.postMessage(answer(job)));

function answer(job: DecoderJob): JobAnswer {
  try {
    return { result: run(job) };
  } catch (error) {
    return { failure: serializeDecoderError(error) };
  }
}

function run(job: DecoderJob): unknown {
  switch (job.kind) {
    case 'evaluate':
      return evaluateLayer(job);
    case 'calibrate':
      return calibrateLayer(job);
    case 'train':
      return trainHeads(job);
  }
}
