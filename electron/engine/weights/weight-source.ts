import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import {
  blocksPerRow,
  dataBytesPerRow,
  zeroPointBytesPerRow,
  type BlockLayout,
  type ByteRange,
} from './block-format.ts';
import { bytesPerElement, type SafetensorsDtype, type TensorView } from './safetensors.ts';
import { listNames } from './weight-index.ts';

/** A tensor as a graph refers to it: a byte range relative to the folder the session is given. */
export interface WeightTensor {
  readonly dtype: SafetensorsDtype;
  readonly location: string;
  readonly offset: number;
  readonly byteLength: number;
  /** Of rounded weights: how their bytes are read. */
  readonly blocks?: BlockLayout;
}

export interface TakeOptions {
  readonly flatten?: boolean;
  /** Takes the shape's rows from this one on; a matrix is row-major, so they are contiguous. */
  readonly firstRow?: number;
}

/** Where a graph gets its weights from. */
export interface WeightProvider {
  /** The byte range of a tensor of at least this shape; see `WeightSource.take`. */
  take(name: string, shape: readonly number[], options?: TakeOptions): WeightTensor;
}

/**
 * Hands out a checkpoint's tensors by canonical name and remembers which were taken, so that after the last
 * graph nothing may be missing and nothing left over.
 */
export class WeightSource implements WeightProvider {
  /** Folder that holds all weight files; external data is located relative to it. */
  readonly folder: string;
  readonly #views: ReadonlyMap<string, TensorView>;
  readonly #taken = new Set<string>();

  /** @param views tensors by canonical name */
  constructor(views: ReadonlyMap<string, TensorView>) {
    this.#views = views;
    this.folder = commonFolder([...new Set([...views.values()].map((view) => path.dirname(view.file)))]);
  }

  has(name: string): boolean {
    return this.#views.has(name);
  }

  /**
   * The byte range of a tensor, checked against the shape the graph needs.
   *
   * @param options.flatten the file may split the trailing side (a convolution kernel read as a matrix)
   * @throws FundusLensError `model.tensor-missing`, `model.tensor-shape` or `model.tensor-dtype`
   */
  take(name: string, shape: readonly number[], options: TakeOptions = {}): WeightTensor {
    const view = this.view(name);
    const stored = view.shape;
    if (!shapeFits(shape, stored, options)) {
      throw new FundusLensError('model.tensor-shape', `Tensor "${name}" has the wrong shape.`, {
        expected: `[${shape.join(', ')}], as config.json implies`,
        found: `[${stored.join(', ')}] in ${view.file}`,
        advice: 'Use config.json and weights of the same checkpoint.',
      });
    }
    if (view.blocks === undefined && !['F32', 'F16', 'BF16'].includes(view.dtype)) {
      throw new FundusLensError('model.tensor-dtype', `Tensor "${name}" has an unsupported dtype.`, {
        expected: 'F32, F16 or BF16',
        found: view.dtype,
        advice: 'Use the original, unquantised checkpoint.',
      });
    }
    return {
      dtype: view.dtype,
      location: path.relative(this.folder, view.file).split(path.sep).join('/'),
      ...rowRange(view, options.firstRow ?? 0, shape),
    };
  }

  /** A tensor by canonical name, marked as used. */
  view(name: string): TensorView {
    const view = this.#views.get(name);
    if (view === undefined) {
      const siblings = [...this.#views.keys()].filter((other) => other.startsWith(name.split('.')[0]!));
      throw new FundusLensError('model.tensor-missing', `The checkpoint lacks the tensor "${name}".`, {
        expected: `"${name}" or its newer name`,
        found: `${this.#views.size} tensors, e.g. ${listNames(siblings, 3)}`,
        advice: 'Download the weights again; a shard or a part of the model is absent.',
      });
    }
    this.#taken.add(name);
    return view;
  }

  /** Bytes and elements by dtype, over the whole checkpoint. */
  *[Symbol.iterator](): Generator<TensorView> {
    yield* this.#views.values();
  }

  /**
   * To be called after every graph is built.
   *
   * @param ignorable names that a checkpoint may carry without use (a tied unembedding, rotary buffers)
   * @throws FundusLensError `model.tensor-left-over` that names what no graph uses
   */
  assertNothingLeftOver(ignorable: (name: string) => boolean): void {
    const leftOver = [...this.#views.keys()].filter((name) => !this.#taken.has(name) && !ignorable(name));
    if (leftOver.length === 0) return;
    throw new FundusLensError(
      'model.tensor-left-over',
      'The checkpoint holds tensors that its model does not have.',
      {
        expected: 'only tensors of the architecture that config.json describes',
        found: `${leftOver.length} more: ${listNames(leftOver)}`,
        advice: 'Use config.json and weights of the same checkpoint; adapters must be merged first.',
      },
    );
  }
}

function shapeFits(shape: readonly number[], stored: readonly number[], options: TakeOptions): boolean {
  const [rows = 1, ...rest] = shape;
  const [storedRows = 1, ...storedRest] = stored;
  const restFits = options.flatten ? count(rest) === count(storedRest) : rest.join() === storedRest.join();
  return (
    restFits && (options.firstRow === undefined ? rows === storedRows : options.firstRow + rows <= storedRows)
  );
}

/** Byte range of the rows, and with rounded weights of their scales and zero points. */
function rowRange({ dtype, offset, blocks }: TensorView, firstRow: number, shape: readonly number[]) {
  const [numRows = 1, ...rest] = shape;
  const columns = count(rest);
  const part = (start: number, bytesPerRow: number): ByteRange => ({
    offset: start + firstRow * bytesPerRow,
    byteLength: numRows * bytesPerRow,
  });
  if (blocks === undefined) return part(offset, columns * bytesPerElement[dtype]);
  const { scales, zeroPoints } = blocks;
  return {
    ...part(offset, dataBytesPerRow(columns, blocks)),
    blocks: {
      ...blocks,
      scales: part(scales.offset, 4 * blocksPerRow(columns, blocks)),
      zeroPoints: zeroPoints && part(zeroPoints.offset, zeroPointBytesPerRow(columns, blocks)),
    },
  };
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function commonFolder(folders: readonly string[]): string {
  const [first = '.', ...others] = folders;
  let folder = first;
  while (!others.every((other) => other === folder || other.startsWith(folder + path.sep))) {
    folder = path.dirname(folder);
  }
  return folder;
}
