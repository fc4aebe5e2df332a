import { weightFormats } from '../common/prepared-model.ts';
import type { SizeEstimate } from '../common/size-estimate.ts';
import type { Checkpoint } from './checkpoint/open-checkpoint.ts';
import type { TensorView } from './checkpoint/safetensors.ts';
import { lensChunkBytes } from './lens/read-lens.ts';
import { smallBytes } from './load-model.ts';
import { completeOptions, planTensors } from './prepare/plan.ts';

/** Runtime, pixels, caches and what else does not grow with the weights. */
const fixedBytes = 512 * 2 ** 20;

/** What a checkpoint needs as it is stored and in every format that it can be prepared in, by its headers alone. */
export function estimateSizes(checkpoint: Checkpoint): SizeEstimate[] {
  const { weights, prepared } = checkpoint;
  const tensors = [...weights];
  const storedBytes = tensors.reduce((sum, view) => sum + view.byteLength + blockBytes(view), 0);
  const elements = tensors.reduce((sum, view) => sum + countElements(view), 0);
  // A small checkpoint is widened to float32 as a whole, a large one matrix by matrix.
  const loadedBytes = prepared === null && storedBytes <= smallBytes ? 4 * elements : storedBytes;
  const asStored = {
    format: 'as-stored',
    diskBytes: storedBytes,
    memoryBytes: loadedBytes + lensChunkBytes + fixedBytes,
  } as const;
  if (prepared !== null) return [asStored];
  const inFormats = weightFormats.map((format): SizeEstimate => {
    const { bytes } = planTensors(checkpoint, completeOptions({ format }));
    return { format, diskBytes: bytes, memoryBytes: bytes + lensChunkBytes + fixedBytes };
  });
  return [asStored, ...inFormats];
}

/** Weights of a tensor, however they are stored. */
export function countElements({ shape }: TensorView): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Of the scales and zero points beside rounded weights. */
function blockBytes({ blocks }: TensorView): number {
  return (blocks?.scales.byteLength ?? 0) + (blocks?.zeroPoints?.byteLength ?? 0);
}
