import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { weighParts, type ModelWeights, type StoredTensor } from '../memory/weigh-parts.ts';
import type { PlannedTensor, PreparePlan } from './plan.ts';

/** Weighs what preparing would make of it. */
export function weighPlan({ tensors }: PreparePlan, checkpoint: Checkpoint): ModelWeights {
  return weighParts(tensors.map(asPlanned), checkpoint);
}

function asPlanned({ name, rows, columns, format, data, scales, zeroPoints }: PlannedTensor): StoredTensor {
  const isHalf = format === 'float16' || format === 'bfloat16';
  return {
    name,
    storage: isHalf ? 'half' : format,
    elements: rows * columns,
    bytes: data.bytes + (scales?.bytes ?? 0) + (zeroPoints?.bytes ?? 0),
  };
}
