import { availableParallelism } from 'node:os';
import { decoderAttentionKind, inputWidth, type ModelConfig } from '../families/shared/model-config.ts';
import type { GraphTarget } from '../graph/graph-target.ts';
import { modelParts, type ModelPart, type ModelWeights, type PartWeights } from './weigh-parts.ts';

/** Logits, probabilities and one product of a row of the lens, float32 each. */
const lensBytesPerToken = 12;
/** Of the unembedding widened on the cpu, in one slice. */
export const widenedBytes = 256 * 2 ** 20;
/** What every device that runs a large model lets one buffer hold, and so one slice of the unembedding. */
export const deviceBufferBytes = 1e9;
/** Runtime, vocabulary, pixels and what else does not grow with weights and image. */
const fixedBytes = 400 * 2 ** 20;
const float32Bytes = 4;

/** One image and its prompt. */
export interface TraceSize {
  /** Patches that the vision tower sees of the image. */
  readonly numPatches: number;
  /** Positions of the prompt, T. */
  readonly seqLen: number;
  /** Those that the lens reads. */
  readonly numRead: number;
}

/** How a model is run, as far as memory depends on it. */
export interface RunPlan {
  readonly onDevice: boolean;
  readonly attention: GraphTarget['attention'];
  readonly widen: GraphTarget['widen'];
}

/** What a model takes of memory, and whether its graphs stay there. */
export interface ModelMemory {
  readonly weights: ModelWeights;
  readonly run: RunPlan;
  /** Whether all graphs stay in memory, or each is there only while it runs. */
  readonly staysLoaded: boolean;
}

/** Estimated peak bytes of one trace. */
export interface MemoryNeeds {
  /** Of the host; weights that are mapped in place are not in it, since the system takes them back when it must. */
  readonly hostBytes: number;
  /** Of the device, with all graphs in its memory; 0 on the cpu. */
  readonly deviceBytes: number;
  /** The same with one graph at a time. */
  readonly deviceBytesInTurn: number;
}

/** An image of this many tokens stands for all where no image is known yet, and a prompt of some dozen words. */
const typicalImageTokens = 1024;
export function typicalSize({ vision: { mergeSize } }: Pick<ModelConfig, 'vision'>): TraceSize {
  return {
    numPatches: mergeSize ** 2 * typicalImageTokens,
    seqLen: typicalImageTokens + 64,
    numRead: 1,
  };
}

/**
 * Host and device bytes that one chunk of the lens' logits, probabilities and products may take together. Where the
 * unembedding is widened for every chunk, larger ones pay: on the 2B shape the lens took a third less time.
 */
export function lensChunkBytes({ onDevice, widen }: Pick<RunPlan, 'onDevice' | 'widen'>): number {
  return (onDevice || widen === 'once' ? 256 : 1024) * 2 ** 20;
}

/** Of a chunk's positions, all layers of each. */
export function positionsPerChunk(chunkBytes: number, numTokens: number, numLayers: number): number {
  return Math.max(1, Math.floor(chunkBytes / (lensBytesPerToken * numTokens * numLayers)));
}

/**
 * Estimates what a trace takes. On the cpu, with the released 2B shape at 888 image tokens and two blocks of it at 2,500 and
 * 5,000, the estimate of the host was above the measured peak of what cannot be taken back, by up to a third. What is
 * remembered of images comes on top; it takes a share of the memory that is free.
 */
export function estimateNeeds(
  weights: ModelWeights,
  config: ModelConfig,
  run: RunPlan,
  size: TraceSize = typicalSize(config),
): MemoryNeeds {
  const activations = (part: ModelPart) => activationBytes(part, config, run, size);
  const loaded = (part: ModelPart) => loadedBytes(weights[part], part, run);
  const together = loadedWeights(weights, run) + Math.max(...modelParts.map(activations));
  const inTurn = Math.max(...modelParts.map((part) => loaded(part) + activations(part)));
  if (run.onDevice) {
    return { hostBytes: fixedBytes + lensChunkBytes(run), deviceBytes: together, deviceBytesInTurn: inTurn };
  }
  const hostBytes = fixedBytes + (staysOnHost(weights, run) ? together : inTurn);
  return { hostBytes, deviceBytes: 0, deviceBytesInTurn: 0 };
}

/** Bytes of a trace of that size beyond those of the loaded model at rest, on the device if there is one, else on the host. */
export function estimateTrace(
  weights: ModelWeights,
  config: ModelConfig,
  run: RunPlan,
  size: TraceSize,
  staysLoaded: boolean,
): number {
  const beyond = (part: ModelPart) =>
    activationBytes(part, config, run, size) + (staysLoaded ? 0 : loadedBytes(weights[part], part, run));
  return Math.max(...modelParts.map(beyond));
}

/** On the cpu only what loading had to widen stays; mapped weights cost almost nothing to map again. */
export function staysOnHost(weights: ModelWeights, { widen }: RunPlan): boolean {
  return widen === 'once' && !modelParts.every((part) => weights[part].inPlace);
}

/** Of all graphs' weights while they are loaded, less what is mapped in place. */
export function loadedWeights(weights: ModelWeights, run: RunPlan): number {
  return sum(modelParts.map((part) => loadedBytes(weights[part], part, run)));
}

/** Of a loaded graph's weights, less what is mapped in place. */
function loadedBytes(part: PartWeights, name: ModelPart, { onDevice, widen }: RunPlan): number {
  if (widen === 'once' && !part.inPlace) return part.widenedBytes;
  // Devices multiply rounded weights as they are. The cpu does so with 4 bits, in place.
  const widest = onDevice ? part.widestHalf : Math.max(part.widestHalf, part.widestInt8);
  const sliceBytes = name === 'head' ? (onDevice ? deviceBufferBytes : widenedBytes) : Infinity;
  return (onDevice ? part.bytes : 0) + Math.min(float32Bytes * widest, sliceBytes);
}

/** Of one graph while it runs. */
export function activationBytes(
  part: ModelPart,
  { vision, decoder }: ModelConfig,
  run: RunPlan,
  { numPatches, seqLen, numRead }: TraceSize,
): number {
  const { onDevice, attention } = run;
  if (part === 'head') {
    const all = numRead * lensBytesPerToken * decoder.vocabSize * (decoder.numLayers + 1);
    return Math.min(lensChunkBytes(run), all);
  }
  if (part === 'vision') {
    // Gate, up and product of an MLP, or the three parts of attention and its result.
    const row = 3 * vision.dMlp + 4 * vision.width;
    // Tiles go through one after the other.
    const seen = vision.tileSide === null ? numPatches : Math.min(numPatches, vision.tileSide ** 2);
    const pixels = 3 * vision.temporalPatchSize * vision.patchSize ** 2 * numPatches;
    const scores = attention === 'composed' ? 2 * seen ** 2 : 0;
    return float32Bytes * (seen * row + scores + (vision.tileSide === null ? 0 : pixels));
  }
  const { numHeads, numKeyValueHeads, headDim, dMlp, dModel, numLayers } = decoder;
  const row = 3 * dMlp + 2 * dModel + inputWidth(decoder) + 2 * numLayers * numKeyValueHeads * headDim;
  // Fused attention never holds all scores at once: the cpu's those of a head for every core.
  const isComposed = decoderAttentionKind(decoder, attention) === 'composed';
  const heads = isComposed ? 2 * numHeads : onDevice ? 0 : availableParallelism();
  const kept = numRead * (numLayers + 1) * dModel;
  return float32Bytes * (seqLen * row + heads * seqLen ** 2 + kept);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
