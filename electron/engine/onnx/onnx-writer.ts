import { ProtobufWriter } from './protobuf.ts';

/** ONNX element types, by the names onnxruntime uses. */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const;
export type ElementType = keyof typeof elementTypes;

export type Attribute = number | bigint | string | readonly bigint[];

export interface NodeDef {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  /** Empty strings stand for optional inputs that are left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** number → FLOAT, bigint → INT, string → STRING, bigint[] → INTS. */
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface ValueDef {
  readonly name: string;
  readonly type: ElementType;
  /** Numbers are fixed sides, strings are names of dynamic ones. */
  readonly shape: readonly (number | string)[];
}

export type InitializerDef = {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
} & (
  | { readonly data: Uint8Array }
  | { readonly external: { readonly location: string; readonly offset: number; readonly byteLength: number } }
);

export interface GraphDef {
  readonly name: string;
  readonly nodes: readonly NodeDef[];
  readonly inputs: readonly ValueDef[];
  readonly outputs: readonly ValueDef[];
  readonly initializers: readonly InitializerDef[];
}

const irVersion = 10;
const opsets = { '': 21, 'com.microsoft': 1 } as const;

/**
 * Serialises a graph as an ONNX ModelProto. Field numbers are those of onnx.proto3.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
export function writeOnnxModel(graph: GraphDef): Uint8Array {
  const model = new ProtobufWriter()
    .varint(1, irVersion)
    .string(2, 'fundus-lens')
    .message(7, writeGraph(graph));
  for (const [domain, version] of Object.entries(opsets)) {
    model.message(8, new ProtobufWriter().string(1, domain).varint(2, version));
  }
  return model.finish();
}

function writeGraph({ name, nodes, inputs, outputs, initializers }: GraphDef): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const node of nodes) writer.message(1, writeNode(node));
  writer.string(2, name);
  for (const initializer of initializers) writer.message(5, writeInitializer(initializer));
  for (const input of inputs) writer.message(11, writeValue(input));
  for (const output of outputs) writer.message(12, writeValue(output));
  return writer;
}

function writeNode({ name, opType, domain, inputs, outputs, attributes }: NodeDef): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const input of inputs) writer.string(1, input);
  for (const output of outputs) writer.string(2, output);
  writer.string(3, name).string(4, opType);
  for (const [key, value] of Object.entries(attributes)) writer.message(5, writeAttribute(key, value));
  return writer.string(7, domain);
}

function writeAttribute(name: string, value: Attribute): ProtobufWriter {
  const writer = new ProtobufWriter().string(1, name);
  if (typeof value === 'number') return writer.float(2, value).varint(20, 1);
  if (typeof value === 'bigint') return writer.varint(3, value).varint(20, 2);
  if (typeof value === 'string') return writer.string(4, value).varint(20, 3);
  for (const item of value) writer.varint(8, item);
  return writer.varint(20, 7);
}

function writeInitializer(initializer: InitializerDef): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const side of initializer.shape) writer.varint(1, side);
  writer.varint(2, elementTypes[initializer.type]).string(8, initializer.name);
  if ('data' in initializer) return writer.bytes(9, initializer.data);
  const { location, offset, byteLength } = initializer.external;
  for (const [key, value] of Object.entries({ location, offset: `${offset}`, length: `${byteLength}` })) {
    writer.message(13, new ProtobufWriter().string(1, key).string(2, value));
  }
  return writer.varint(14, 1);
}

function writeValue({ name, type, shape }: ValueDef): ProtobufWriter {
  const shapeWriter = new ProtobufWriter();
  for (const side of shape) {
    const dimension = new ProtobufWriter();
    if (typeof side === 'number') dimension.varint(1, side);
    else dimension.string(2, side);
    shapeWriter.message(1, dimension);
  }
  const tensor = new ProtobufWriter().varint(1, elementTypes[type]).message(2, shapeWriter);
  return new ProtobufWriter().string(1, name).message(2, new ProtobufWriter().message(1, tensor));
}
