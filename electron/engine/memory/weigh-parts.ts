import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { TensorView } from '../weights/safetensors.ts';

/** How a weight is stored. */
type Storage = 'float32' | 'half' | 'int8' | 'int4';

export interface StoredTensor {
  /** Canonical name. */
  readonly name: string;
  readonly storage: Storage;
  readonly elements: number;
  /** With scales and zero points. */
  readonly bytes: number;
}

/** The weights of one graph. */
export interface PartWeights {
  /** As they are stored. */
  readonly bytes: number;
  /** With float16 and bfloat16 widened; rounded ones stay rounded. */
  readonly widenedBytes: number;
  /** Of the largest float16 or bfloat16 one, and of the largest with 8 bits: they are widened for their products. */
  readonly widestHalf: number;
  readonly widestInt8: number;
  /** Whether all are float32, so that they are used in place. */
  readonly inPlace: boolean;
}

export const modelParts = ['vision', 'decoder', 'head'] as const;
export type ModelPart = (typeof modelParts)[number];
export type ModelWeights = Readonly<Record<ModelPart, PartWeights>>;

/** Weighs a checkpoint as it is stored, by its headers alone. */
export function weighCheckpoint(checkpoint: Checkpoint): ModelWeights {
  return weighParts([...checkpoint.weights].map(asStored), checkpoint);
}

/** Tensors go to the graph that reads them; of an embedding beside an unembedding only single rows are read. */
export function weighParts(
  tensors: readonly StoredTensor[],
  { unembedding, embedding }: Checkpoint,
): ModelWeights {
  const partOf = (name: string): ModelPart | null => {
    if (name === unembedding) return 'head';
    if (name === embedding.name) return null;
    return name.startsWith('visual.') ? 'vision' : 'decoder';
  };
  const weigh = (part: ModelPart): PartWeights => {
    const own = tensors.filter(({ name }) => partOf(name) === part);
    const sum = (of: (tensor: StoredTensor) => number) =>
      own.reduce((total, tensor) => total + of(tensor), 0);
    const widest = (wanted: Storage) =>
      Math.max(0, ...own.filter(({ storage }) => storage === wanted).map(({ elements }) => elements));
    return {
      bytes: sum(({ bytes }) => bytes),
      widenedBytes: sum(({ storage, elements, bytes }) => (storage === 'half' ? 4 * elements : bytes)),
      widestHalf: widest('half'),
      widestInt8: widest('int8'),
      inPlace: own.every(({ storage }) => storage === 'float32'),
    };
  };
  return { vision: weigh('vision'), decoder: weigh('decoder'), head: weigh('head') };
}

function asStored({ name, shape, dtype, byteLength, blocks }: TensorView): StoredTensor {
  const scaleBytes = (blocks?.scales.byteLength ?? 0) + (blocks?.zeroPoints?.byteLength ?? 0);
  const plain = dtype === 'F32' ? 'float32' : 'half';
  return {
    name,
    storage: blocks === undefined ? plain : `int${blocks.bits}`,
    elements: shape.reduce((product, side) => product * side, 1),
    bytes: byteLength + scaleBytes,
  };
}
