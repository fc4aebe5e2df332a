import type { PreparedTensor, PrepareOptions, WeightFormat } from '../../contract/models/prepared-model.ts';
import { blocksPerRow, dataBytesPerRow, zeroPointBytesPerRow } from '../weights/block-format.ts';
import { isIgnorableTensor, type Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { TensorView } from '../weights/safetensors.ts';
import { momentsGroup, momentsOf } from '../graph/input-moments.ts';
import type { BlockChoice } from './block-fit.ts';

type StoredFormat = PreparedTensor['format'];
type Range = PreparedTensor['data'];

/** Options with everything said. */
export interface CompleteOptions {
  readonly format: WeightFormat;
  readonly blockSize: number;
  readonly symmetric: boolean;
  readonly keep: Required<NonNullable<PrepareOptions['keep']>>;
  /** Whether what is rounded to 4 bits is rounded by what is observed of its inputs. */
  readonly calibrated: boolean;
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
  /** Where the calibration file holds what rounding is to know of the inputs; null when nothing. */
  readonly factors: Range | null;
}

export interface PreparePlan {
  readonly tensors: readonly PlannedTensor[];
  /** Of the weights file. */
  readonly bytes: number;
  /** Places in the calibration file, by the observed input's name; matrices that read the same input share one. */
  readonly factors: ReadonlyMap<string, FactorsPlace>;
}

interface FactorsPlace {
  readonly columns: number;
  readonly range: Range;
}

export function completeOptions(options: PrepareOptions): CompleteOptions {
  const { format, blockSize, symmetric, keep, calibration } = options;
  const kept = format === 'int4' ? 'int8' : 'float16';
  return {
    format,
    blockSize: blockSize ?? 32,
    symmetric: symmetric ?? false,
    keep: {
      unembedding: keep?.unembedding ?? kept,
      vision: keep?.vision ?? kept,
      firstBlock: keep?.firstBlock ?? kept,
    },
    calibrated: calibration !== undefined && format === 'int4',
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
  const factors = new Map<string, FactorsPlace>();
  const tensors = [...checkpoint.weights]
    .filter(({ name }) => name === checkpoint.unembedding || !isIgnorableTensor(name))
    .map((source): PlannedTensor => {
      const { name, shape } = source;
      const format = chooseFormat(source, checkpoint, options);
      const [rows, columns] = shape.length < 2 ? [1, count(shape)] : [shape[0]!, count(shape.slice(1))];
      const sides = shape.length < 2 ? shape : [rows, columns];
      const base = { name, source, rows, columns, shape: sides, format, factors: null };
      if (format !== 'int4' && format !== 'int8') {
        const bytes = rows * columns * (format === 'float32' ? 4 : 2);
        return { ...base, block: null, data: place(bytes), scales: null, zeroPoints: null };
      }
      const { blockSize, symmetric } = options;
      const block = { bits: format === 'int4' ? 4 : 8, blockSize, symmetric } as const;
      return {
        ...base,
        block,
        factors: options.calibrated && format === 'int4' ? placeFactors(factors, name, columns) : null,
        data: place(rows * dataBytesPerRow(columns, block)),
        scales: place(4 * rows * blocksPerRow(columns, block)),
        zeroPoints: symmetric ? null : place(rows * zeroPointBytesPerRow(columns, block)),
      };
    });
  return { tensors, bytes: end, factors };
}

/** Only products can take rounded matrices: learned positions are looked up, and Gemma stores its projection transposed. */
const neverRounded = new Set([
  'visual.patch_embed.proj.weight',
  'visual.pos_embed.weight',
  'visual.projection.weight',
]);

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
  if (neverRounded.has(name)) return 'float16';
  if (name.startsWith('model.layers.0.')) return keep.firstBlock;
  return name.startsWith('visual.') ? keep.vision : format;
}

/** null of a matrix whose inputs are not observed. */
function placeFactors(factors: Map<string, FactorsPlace>, name: string, columns: number): Range | null {
  const input = momentsOf(name.replace(/\.weight$/, ''));
  if (input === null) return null;
  const known = factors.get(input);
  if (known !== undefined) return known.range;
  const offset = [...factors.values()].reduce((sum, { range }) => sum + range.bytes, 0);
  const filled = Math.ceil(columns / momentsGroup) * momentsGroup;
  const range = { offset, bytes: 4 * filled * (1 + momentsGroup) };
  factors.set(input, { columns, range });
  return range;
}

/** Large ranges begin at a page, so that mapping one maps nothing of its neighbours. */
function align(offset: number, bytes: number): number {
  const unit = bytes >= 1 << 20 ? 4096 : 64;
  return Math.ceil(offset / unit) * unit;
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
