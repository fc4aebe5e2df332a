import type { SafetensorsDtype } from '../checkpoint/safetensors.ts';
import type { TakeOptions, WeightProvider } from './weight-source.ts';
import {
  writeOnnxModel,
  type Attribute,
  type ElementType,
  type InitializerDef,
  type NodeDef,
  type ValueDef,
} from './onnx-writer.ts';

const elementTypeOf: Partial<Record<SafetensorsDtype, ElementType>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

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

  constructor(name: string, weights: WeightProvider) {
    this.#name = name;
    this.#weights = weights;
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
    const value = this.weightAsStored(name, shape, options);
    if (value.type === 'float32') return value.name;
    return this.node(`/weights/${name}/Cast`, 'Cast', [value.name], {
      attributes: { to: 1n },
    });
  }

  /** A weight tensor in the dtype of the file. */
  weightAsStored(
    name: string,
    shape: readonly number[],
    options: TakeOptions = {},
  ): { name: string; type: ElementType } {
    const tensor = this.#weights.take(name, shape, options);
    const type = elementTypeOf[tensor.dtype]!;
    if (!this.#defined.has(name)) {
      this.#define(name);
      const { location, offset, byteLength } = tensor;
      this.#initializers.push({ name, type, shape, external: { location, offset, byteLength } });
    }
    return { name, type };
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
