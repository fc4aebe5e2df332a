import { blocksPerRow, type BlockLayout } from '../weights/block-format.ts';
import type { SafetensorsDtype } from '../weights/safetensors.ts';
import type { GraphTarget } from './graph-target.ts';
import type { TakeOptions, WeightProvider, WeightTensor } from '../weights/weight-source.ts';
import {
  writeOnnxModel,
  type Attribute,
  type ElementType,
  type InitializerDef,
  type NodeDef,
  type ValueDef,
} from '../onnx/onnx-writer.ts';

const elementTypeOf: Partial<Record<SafetensorsDtype, ElementType>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

/** float16 or bfloat16 weights as a graph's value. */
export interface HalfMatrix {
  readonly half: string;
}

/** Rounded weights [rows, columns] as a graph's values. */
export interface BlockMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly data: string;
  readonly scales: string;
  readonly zeroPoints: string | null;
}

interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: 'com.microsoft';
}

/**
 * Builds one ONNX graph. Value names follow the node that makes them (`/model/layers.0/mlp/Add`), and a name
 * that is used twice or never defined is an error, so that a wiring mistake cannot reach the runtime.
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #weights: WeightProvider;
  readonly #defined = new Set<string>(['']);
  readonly #nodeNames = new Set<string>();
  readonly #nodes: NodeDef[] = [];
  readonly #inputs: ValueDef[] = [];
  readonly #outputs: ValueDef[] = [];
  readonly #initializers: InitializerDef[] = [];
  #lastProduct: string | null = null;
  readonly target: GraphTarget;

  constructor(name: string, weights: WeightProvider, target: GraphTarget) {
    this.#name = name;
    this.#weights = weights;
    this.target = target;
  }

  input(name: string, type: ElementType, shape: readonly (number | string)[]): string {
    this.#define(name);
    this.#inputs.push({ name, type, shape });
    return name;
  }

  /** Makes an existing value a graph output; under another name it is a copy. */
  output(name: string, value: string, type: ElementType, shape: readonly (number | string)[]): void {
    if (value !== name) this.node(`/output/${name}`, 'Identity', [value], { outputs: [name] });
    this.#outputs.push({ name, type, shape });
  }

  /** Adds a node with one output, named after the node unless said otherwise. */
  node(
    name: string,
    opType: string,
    inputs: readonly string[],
    options: NodeOptions & { readonly outputs?: readonly string[] } = {},
  ): string {
    return this.nodes(name, opType, inputs, { ...options, outputs: options.outputs ?? [name] })[0]!;
  }

  /** Adds a node with several outputs; '' leaves one out. */
  nodes(
    name: string,
    opType: string,
    inputs: readonly string[],
    options: NodeOptions & { readonly outputs: readonly string[] },
  ): readonly string[] {
    if (this.#nodeNames.has(name)) throw new Error(`${this.#name}: node ${name} is defined twice`);
    this.#nodeNames.add(name);
    for (const input of inputs) {
      if (!this.#defined.has(input))
        throw new Error(`${this.#name}: node ${name} reads unknown value ${input}`);
    }
    const outputs = options.outputs;
    for (const output of outputs.filter((o) => o !== '')) this.#define(output);
    this.#nodes.push({
      name,
      opType,
      domain: options.domain ?? '',
      inputs,
      outputs,
      attributes: options.attributes ?? {},
    });
    return outputs;
  }

  constantInt64(name: string, values: readonly number[], shape: readonly number[] = [values.length]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#constant(name, 'int64', shape, new Uint8Array(data.buffer));
  }

  /** The same number at every place. */
  constantUint8(name: string, value: number, shape: readonly number[]): string {
    const count = shape.reduce((product, side) => product * side, 1);
    return this.#constant(name, 'uint8', shape, new Uint8Array(count).fill(value));
  }

  constantInt32(name: string, values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#constant(name, 'int32', shape, new Uint8Array(Int32Array.from(values).buffer));
  }

  constantFloat32(
    name: string,
    values: readonly number[],
    shape: readonly number[] = [values.length],
  ): string {
    return this.#constant(name, 'float32', shape, new Uint8Array(Float32Array.from(values).buffer));
  }

  /**
   * A weight tensor as float32, read in place from the checkpoint's file; other dtypes pass through a Cast.
   *
   * @param name canonical tensor name
   * @param shape what the graph expects
   */
  weight(name: string, shape: readonly number[], options: TakeOptions = {}): string {
    const matrix = this.matrix(name, shape, options);
    if (typeof matrix === 'string') return matrix;
    if ('half' in matrix) return this.widen(matrix);
    throw new Error(`${this.#name}: ${name} is rounded, and can only be multiplied`);
  }

  /** The same for a product: what is not float32 stays as it is stored. */
  matrix(
    name: string,
    shape: readonly number[],
    options: TakeOptions = {},
  ): string | HalfMatrix | BlockMatrix {
    const tensor = this.#weights.take(name, shape, options);
    const { location, offset, byteLength, blocks } = tensor;
    const slice = options.firstRow === undefined ? name : `${name}.${options.firstRow}`;
    if (blocks !== undefined) return this.#blockMatrix(slice, shape, { ...tensor, blocks });
    const type = elementTypeOf[tensor.dtype]!;
    this.#external(slice, type, shape, { location, offset, byteLength });
    return type === 'float32' ? slice : { half: slice };
  }

  /** float32 of the same shape */
  widen({ half }: HalfMatrix, stored = half): string {
    return this.node(`/weights/${half}/Cast`, 'Cast', [stored], { attributes: { to: 1n } });
  }

  #blockMatrix(
    name: string,
    shape: readonly number[],
    { location, offset, byteLength, blocks }: WeightTensor & { readonly blocks: BlockLayout },
  ): BlockMatrix {
    const [rows, columns] = shape as [number, number];
    const { bits, blockSize, scales, zeroPoints } = blocks;
    const perRow = blocksPerRow(columns, blocks);
    // DequantizeLinear knows no filled-up blocks: to it, the filling is more columns.
    const asColumns = bits === 8 && this.target.int8 === 'dequantised';
    const sides = asColumns ? [rows, perRow * blockSize] : [rows, perRow, (blockSize * bits) / 8];
    this.#external(name, 'uint8', sides, { location, offset, byteLength });
    this.#external(`${name}.scales`, 'float32', [rows, perRow], { location, ...scales });
    const zeroName =
      zeroPoints === null
        ? null
        : this.#external(`${name}.zero_points`, 'uint8', [rows, zeroPoints.byteLength / rows], {
            location,
            ...zeroPoints,
          });
    return { rows, columns, bits, blockSize, data: name, scales: `${name}.scales`, zeroPoints: zeroName };
  }

  /**
   * The same stored matrix, but not before the product before it is done. Left to itself the runtime widens all weights
   * of a graph first, because nothing else keeps them waiting.
   *
   * ```
   *   last product [R, N] ─► Shape ─► · 0 ─► [0, 0], which Reshape reads as "the same sides"
   *   stored [rows, columns] ────────────────► Reshape ─►
   * ```
   *
   * @param first 2-D value to wait for where no product came before
   */
  afterLastProduct(node: string, stored: string, first: string): string {
    if (this.target.widen === 'once') return stored;
    const sides = this.node(`${node}/Wait/Shape`, 'Shape', [this.#lastProduct ?? first]);
    const zero = this.constantInt64(`${node}/Wait/zero`, [0]);
    const same = this.node(`${node}/Wait/Mul`, 'Mul', [sides, zero]);
    return this.node(`${node}/Wait/Reshape`, 'Reshape', [stored, same]);
  }

  /** Remembers a product [R, N]; see {@link afterLastProduct}. */
  productDone(value: string): string {
    this.#lastProduct = value;
    return value;
  }

  #external(
    name: string,
    type: ElementType,
    shape: readonly number[],
    external: { readonly location: string; readonly offset: number; readonly byteLength: number },
  ): string {
    this.#define(name);
    this.#initializers.push({ name, type, shape, external });
    return name;
  }

  /** The serialised ModelProto. */
  build(): Uint8Array {
    return writeOnnxModel({
      name: this.#name,
      nodes: this.#nodes,
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: this.#initializers,
    });
  }

  #constant(name: string, type: ElementType, shape: readonly number[], data: Uint8Array): string {
    this.#define(name);
    this.#initializers.push({ name, type, shape, data });
    return name;
  }

  #define(name: string): void {
    if (this.#defined.has(name)) throw new Error(`${this.#name}: value ${name} is defined twice`);
    this.#defined.add(name);
  }
}
