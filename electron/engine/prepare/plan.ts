import type { PreparedTensor, PrepareOptions, WeightFormat } from '../../common/prepared-model.ts';
import { blocksPerRow, dataBytesPerRow, zeroPointBytesPerRow } from '../checkpoint/block-format.ts';
import { isIgnorableTensor, type Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { TensorView } from '../checkpoint/safetensors.ts';
import type { BlockChoice } from './block-fit.ts';

type StoredFormat = PreparedTensor['format'];
type Range = PreparedTensor['data'];

/** Options with everything said. */
export interface CompleteOptions {
  readonly format: WeightFormat;
  readonly blockSize: number;
  readonly symmetric: boolean;
  readonly keep: Required<NonNullable<PrepareOptions['keep']>>;
}

/** One tensor: from where, in which format and to where. */
export interface PlannedTensor {
  readonly name: string;
  readonly source: TensorView;
  /** A matrix; what has more sides is flattened as the graphs read it, and a vector is one row. */
  readonly rows: number;
  readonly columns: number;
  /** As the manifest states it. */
  readonly shape: readonly number[];
  readonly format: StoredFormat;
  readonly block: BlockChoice | null;
  readonly data: Range;
  readonly scales: Range | null;
  readonly zeroPoints: Range | null;
}

export interface PreparePlan {
  readonly tensors: readonly PlannedTensor[];
  /** Of the weights file. */
  readonly bytes: number;
}

export function completeOptions({ format, blockSize, symmetric, keep }: PrepareOptions): CompleteOptions {
  const kept = format === 'float16' ? 'float16' : 'int8';
  return {
    format,
    blockSize: blockSize ?? 32,
    symmetric: symmetric ?? false,
    keep: {
      unembedding: keep?.unembedding ?? kept,
      vision: keep?.vision ?? kept,
      firstBlock: keep?.firstBlock ?? kept,
    },
  };
}

/** Lays out the weights file; it follows from the headers alone, before any weight is read. */
export function planTensors(checkpoint: Checkpoint, options: CompleteOptions): PreparePlan {
  let end = 0;
  const place = (bytes: number): Range => {
    const offset = align(end, bytes);
    end = offset + bytes;
    return { offset, bytes };
  };
  const tensors = [...checkpoint.weights]
    .filter(({ name }) => name === checkpoint.unembedding || !isIgnorableTensor(name))
    .map((source): PlannedTensor => {
      const { name, shape } = source;
      const format = chooseFormat(source, checkpoint, options);
      const [rows, columns] = shape.length < 2 ? [1, count(shape)] : [shape[0]!, count(shape.slice(1))];
      const base = { name, source, rows, columns, shape: shape.length < 2 ? shape : [rows, columns], format };
      if (format !== 'int4' && format !== 'int8') {
        const bytes = rows * columns * (format === 'float32' ? 4 : 2);
        return { ...base, block: null, data: place(bytes), scales: null, zeroPoints: null };
      }
      const { blockSize, symmetric } = options;
      const block = { bits: format === 'int4' ? 4 : 8, blockSize, symmetric } as const;
      return {
        ...base,
        block,
        data: place(rows * dataBytesPerRow(columns, block)),
        scales: place(4 * rows * blocksPerRow(columns, block)),
        zeroPoints: symmetric ? null : place(rows * zeroPointBytesPerRow(columns, block)),
      };
    });
  return { tensors, bytes: end };
}

/**
 * Vectors stay float32: they are small, and norms and biases are sensitive. An embedding beside an unembedding of its
 * own is never loaded, only its rows are read, so it keeps the source's precision.
 */
function chooseFormat(
  { name, shape, dtype }: TensorView,
  { unembedding, embedding }: Checkpoint,
  { format, keep }: CompleteOptions,
): StoredFormat {
  if (shape.length < 2) return 'float32';
  if (name === unembedding) return keep.unembedding;
  if (name === embedding.name) return dtype === 'BF16' ? 'bfloat16' : 'float16';
  if (name === 'visual.patch_embed.proj.weight') return 'float16';
  if (name.startsWith('model.layers.0.')) return keep.firstBlock;
  return name.startsWith('visual.') ? keep.vision : format;
}

/** Large ranges begin at a page, so that mapping one maps nothing of its neighbours. */
function align(offset: number, bytes: number): number {
  const unit = bytes >= 1 << 20 ? 4096 : 64;
  return Math.ceil(offset / unit) * unit;
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
