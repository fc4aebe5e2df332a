import type { CheckpointOutline, CheckpointReport } from '../../contract/models/checkpoint-report.ts';
import { fingerprintCheckpoint } from '../checkpoint/fingerprint.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { countElements, estimateSizes } from './estimate-sizes.ts';
import { cpuTarget } from '../graph/graph-target.ts';
import { compileGraphs } from '../model/load-model.ts';
import { numTokens } from '../model/model.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';

/**
 * Describes a checkpoint by its small files and the headers of its weights: compiles its graphs, so that a missing,
 * left-over or wrongly shaped tensor is found, and reads nothing large.
 *
 * @throws FundusLensError with a `model.*` code
 */
export async function outlineCheckpoint(folder: string): Promise<CheckpointOutline> {
  const checkpoint = await openCheckpoint(folder);
  compileGraphs(checkpoint, cpuTarget);
  const parametersByDtype: Record<string, number> = {};
  for (const view of checkpoint.weights) {
    const dtype = view.blocks === undefined ? view.dtype : `INT${view.blocks.bits}`;
    parametersByDtype[dtype] = (parametersByDtype[dtype] ?? 0) + countElements(view);
  }
  const { family, config, id, unembedding } = checkpoint;
  const estimates = estimateSizes(checkpoint);
  return {
    id,
    family: family.modelType,
    numLayers: config.decoder.numLayers,
    dModel: config.decoder.dModel,
    vocabSize: config.decoder.vocabSize,
    tokenizerSize: numTokens(checkpoint),
    tiedUnembedding: unembedding !== 'lm_head.weight',
    parametersByDtype,
    memoryBytes: estimates[0]!.memoryBytes,
    estimates,
  };
}

/**
 * The same, and hashes every file.
 *
 * @throws FundusLensError with a `model.*` code, `engine.cancelled`
 */
export async function inspectCheckpoint(folder: string, hooks: TraceHooks): Promise<CheckpointReport> {
  await reportProgress(hooks, 'load', 0, 1);
  const outline = await outlineCheckpoint(folder);
  const { sha256, files } = await fingerprintCheckpoint(folder, {
    ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
    onProgress: (done, total) => hooks.onProgress?.({ stage: 'load', done, total }),
  });
  return { ...outline, sha256, diskBytes: files.reduce((sum, file) => sum + file.bytes, 0), files };
}
