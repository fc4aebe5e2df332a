import { weightFormats } from '../../contract/models/prepared-model.ts';
import type { SizeEstimate } from '../../contract/models/size-estimate.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { chooseWidening } from '../model/choose-target.ts';
import { estimateNeeds } from '../memory/memory-needs.ts';
import { modelParts, weighCheckpoint, type ModelWeights } from '../memory/weigh-parts.ts';
import { completeOptions, planTensors } from '../quantize/plan.ts';
import { weighPlan } from '../quantize/weigh-plan.ts';

/** What a checkpoint needs as it is stored and in every format that it can be prepared in, by its headers alone. */
export function estimateSizes(checkpoint: Checkpoint): SizeEstimate[] {
  const { weights, prepared } = checkpoint;
  const storedBytes = [...weights].reduce((sum, { byteLength, blocks }) => {
    return sum + byteLength + (blocks?.scales.byteLength ?? 0) + (blocks?.zeroPoints?.byteLength ?? 0);
  }, 0);
  const asStored = describe(checkpoint, 'as-stored', storedBytes, weighCheckpoint(checkpoint));
  if (prepared !== null) return [asStored];
  const inFormats = weightFormats.map((format) => {
    const plan = planTensors(checkpoint, completeOptions({ format }));
    return describe(checkpoint, format, plan.bytes, weighPlan(plan, checkpoint));
  });
  return [asStored, ...inFormats];
}

function describe(
  checkpoint: Checkpoint,
  format: SizeEstimate['format'],
  diskBytes: number,
  weights: ModelWeights,
): SizeEstimate {
  const attention = 'fused';
  const needs = (provider: 'cpu' | 'webgpu') => {
    const widen = format === 'as-stored' ? chooseWidening(checkpoint, provider) : 'per-use';
    return estimateNeeds(weights, checkpoint.config, { onDevice: provider !== 'cpu', attention, widen });
  };
  const { hostBytes } = needs('cpu');
  // Mapped weights can be taken back, but every pass would then read them from the disk again.
  const mapped = Math.max(...modelParts.map((part) => weights[part].bytes));
  return {
    format,
    diskBytes,
    memoryBytes: hostBytes + mapped,
    deviceBytes: needs('webgpu').deviceBytes,
  };
}

/** Weights of a tensor, however they are stored. */
export function countElements({ shape }: { readonly shape: readonly number[] }): number {
  return shape.reduce((product, side) => product * side, 1);
}
