import { FundusLensError } from '../../contract/errors.ts';
import { countPatches, type ModelConfig } from '../families/shared/model-config.ts';
import type { ImageGrid } from '../image/image-processor.ts';
import { estimateTrace, loadedWeights, type MemoryNeeds, type ModelMemory } from './memory-needs.ts';
import { isMemoryCheckOff, measureMemory, type AvailableMemory } from './available-memory.ts';

/**
 * Whether a model's graphs are in the device's memory together, or each only while it runs. The webgpu provider was seen
 * to give a graph's weights back when its session is released.
 */
export type Residence = 'together' | 'in-turn';

/**
 * Finds out before anything large is read whether a model fits, and how.
 *
 * @throws FundusLensError `model.too-large` when it does not fit even one graph at a time
 */
export function fitModel(folder: string, needs: MemoryNeeds, available: AvailableMemory): Residence {
  const check = (kind: string, needed: number, there: number) => {
    if (needed <= there || isMemoryCheckOff()) return;
    throw new FundusLensError('model.too-large', `The model in ${folder} does not fit into memory.`, {
      expected: `about ${showGigabytes(needed)} of free ${kind}`,
      found: showGigabytes(there),
      advice:
        'Close other programs, prepare the model in a smaller format, or choose the provider cpu. ' +
        'FUNDUS_LENS_MEMORY_CHECK=off loads it anyway.',
    });
  };
  check('memory', needs.hostBytes, available.hostBytes);
  if (available.deviceBytes === null || needs.deviceBytes <= available.deviceBytes) return 'together';
  check('memory on the device', needs.deviceBytesInTurn, available.deviceBytes);
  return 'in-turn';
}

/** Of a loaded model, what its memory depends on. */
interface LoadedModel {
  readonly memory: ModelMemory;
  readonly provider: { readonly deviceMemoryBytes: number | null };
  readonly checkpoint: { readonly config: ModelConfig };
}

/**
 * Finds out before the vision tower runs whether a trace of an image fits beside the loaded model.
 *
 * @param grid patches [t, h, w]
 * @param seqLen positions of the prompt
 * @param numRead those that the lens reads
 * @throws FundusLensError `trace.too-large`
 */
export async function requireMemory(
  { memory, provider, checkpoint: { config } }: LoadedModel,
  grid: ImageGrid,
  seqLen: number,
  numRead: number,
): Promise<void> {
  const { weights, run, staysLoaded } = memory;
  const numPatches = countPatches(config.vision, grid);
  const needed = estimateTrace(weights, config, run, { numPatches, seqLen, numRead }, staysLoaded);
  const available = await measureMemory(provider.deviceMemoryBytes);
  const taken = staysLoaded ? loadedWeights(weights, run) : 0;
  const onDevice = available.deviceBytes === null ? null : available.deviceBytes - taken;
  const imageTokens = numPatches / config.vision.mergeSize ** 2;
  fitTrace(imageTokens, needed, run.onDevice ? onDevice : available.hostBytes);
}

/**
 * Refuses an image that needs more than there is.
 *
 * @param neededBytes beyond those of the loaded model
 * @param thereBytes where they are taken from; null when unknown
 * @throws FundusLensError `trace.too-large`
 */
export function fitTrace(imageTokens: number, neededBytes: number, thereBytes: number | null): void {
  if (thereBytes === null || neededBytes <= thereBytes || isMemoryCheckOff()) return;
  throw new FundusLensError('trace.too-large', 'The image is too detailed for the available memory.', {
    expected: `about ${showGigabytes(neededBytes)} for ${imageTokens} image tokens`,
    found: showGigabytes(thereBytes),
    advice:
      'Trace it in less detail, with --max-pixels or under "Detail of the image", or close other programs.',
  });
}

function showGigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
