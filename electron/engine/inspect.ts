import type { CheckpointReport } from '../common/engine-messages.ts';
import { fingerprintCheckpoint } from './checkpoint/fingerprint.ts';
import { openCheckpoint } from './checkpoint/open-checkpoint.ts';
import { bytesPerElement } from './checkpoint/safetensors.ts';
import { cpuTarget } from './graph/graph-target.ts';
import { compileGraphs } from './load-model.ts';
import { numTokens } from './model.ts';
import { lensChunkBytes } from './lens/read-lens.ts';
import { reportProgress, type TraceHooks } from './trace-hooks.ts';

/** Runtime, pixels, caches and what else does not grow with the weights. */
const fixedBytes = 512 * 2 ** 20;

/**
 * Describes a checkpoint without loading its weights: compiles its graphs, so that a missing, left-over or
 * wrongly shaped tensor is found, and hashes its files.
 *
 * @throws FundusLensError with a `model.*` code, `engine.cancelled`
 */
export async function inspectCheckpoint(folder: string, hooks: TraceHooks): Promise<CheckpointReport> {
  await reportProgress(hooks, 'load', 0, 1);
  const checkpoint = await openCheckpoint(folder);
  compileGraphs(checkpoint, cpuTarget);
  const { sha256, files } = await fingerprintCheckpoint(folder, {
    ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
    onProgress: (done, total) => hooks.onProgress?.({ stage: 'load', done, total }),
  });
  const parametersByDtype: Record<string, number> = {};
  let float32Bytes = 0;
  for (const { dtype, byteLength } of checkpoint.weights) {
    const elements = byteLength / bytesPerElement[dtype];
    parametersByDtype[dtype] = (parametersByDtype[dtype] ?? 0) + elements;
    float32Bytes += 4 * elements;
  }
  const { architecture, config, id, unembedding } = checkpoint;
  return {
    id,
    family: architecture.modelType,
    sha256,
    numLayers: config.decoder.numLayers,
    dModel: config.decoder.dModel,
    vocabSize: config.decoder.vocabSize,
    tokenizerSize: numTokens(checkpoint),
    tiedUnembedding: unembedding !== 'lm_head.weight',
    parametersByDtype,
    diskBytes: files.reduce((sum, file) => sum + file.bytes, 0),
    memoryBytes: float32Bytes + lensChunkBytes + fixedBytes,
    files,
  };
}
