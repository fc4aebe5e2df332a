import { middleOf } from '../weights/block-format.ts';
import type { BlockMatrix, GraphBuilder, HalfMatrix } from './graph-builder.ts';
import { observeInput } from './input-moments.ts';
import type { TakeOptions } from '../weights/weight-source.ts';

interface LinearOptions extends TakeOptions {
  readonly bias: boolean;
}

/**
 * x [R, in] → x · Wᵀ + b [R, out]; the file's [out, in] layout is used in place.
 *
 * @param node prefix of the node's name, e.g. `/model/layers.0/attn/q_proj`
 * @param tensor prefix of the canonical tensor names, e.g. `model.layers.0.self_attn.q_proj`
 */
export function linear(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  [dOut, dIn]: readonly [number, number],
  { bias, ...take }: LinearOptions,
): string {
  if (graph.target.observeInputs === true) observeInput(graph, tensor, x, dIn);
  const weight = graph.matrix(`${tensor}.weight`, [dOut, dIn], take);
  const biasValue = bias ? graph.weight(`${tensor}.bias`, [dOut]) : null;
  return multiply(graph, `${node}/MatMul`, x, weight, biasValue, `${node}/MatMul`);
}

/**
 * x · Wᵀ + b, whatever the weights are stored as; activations and sums are float32 in every case.
 *
 * ```
 *   4-bit blocks, and 8-bit ones where the provider multiplies them exactly:   x ─► MatMulNBits ─► Add ─►
 *   8-bit blocks elsewhere:   W ─► DequantizeLinear ─► (Slice) ─► Gemm ─►
 * ```
 *
 * @param output name of the product
 */
export function multiply(
  graph: GraphBuilder,
  node: string,
  x: string,
  weight: string | HalfMatrix | BlockMatrix,
  bias: string | null,
  output: string,
): string {
  if (typeof weight !== 'string' && 'bits' in weight && (weight.bits === 4 || graph.target.int8 === 'fused'))
    return graph.productDone(multiplyBlocks(graph, node, x, weight, bias, output));
  const plain = typeof weight === 'string' ? weight : widen(graph, node, x, weight);
  return graph.productDone(
    graph.node(node, 'Gemm', bias === null ? [x, plain] : [x, plain, bias], {
      attributes: { transB: 1n },
      outputs: [output],
    }),
  );
}

/** float32 [rows, columns], for this product alone. */
function widen(graph: GraphBuilder, node: string, x: string, weight: HalfMatrix | BlockMatrix): string {
  if ('half' in weight) return graph.widen(weight, graph.afterLastProduct(node, weight.half, x));
  return dequantise(graph, node, weight, graph.afterLastProduct(node, weight.data, x));
}

function multiplyBlocks(
  graph: GraphBuilder,
  node: string,
  x: string,
  { rows, columns, bits, blockSize, data, scales, zeroPoints }: BlockMatrix,
  bias: string | null,
  output: string,
): string {
  const product = graph.node(
    node,
    'MatMulNBits',
    zeroPoints === null ? [x, data, scales] : [x, data, scales, zeroPoints],
    {
      domain: 'com.microsoft',
      // accuracy_level 1: float32 activations; a higher one would round them to 8 bits.
      attributes: {
        K: BigInt(columns),
        N: BigInt(rows),
        bits: BigInt(bits),
        block_size: BigInt(blockSize),
        accuracy_level: 1n,
      },
      outputs: [bias === null ? output : `${node}/Product`],
    },
  );
  return bias === null ? product : graph.node(`${node}/Add`, 'Add', [product, bias], { outputs: [output] });
}

/** float32 [rows, columns] */
function dequantise(
  graph: GraphBuilder,
  node: string,
  { rows, columns, bits, blockSize, scales, zeroPoints }: BlockMatrix,
  data: string,
): string {
  const perRow = Math.ceil(columns / blockSize);
  const zeros = zeroPoints ?? graph.constantUint8(`${node}/middle`, middleOf(bits), [rows, perRow]);
  const filled = graph.node(`${node}/DequantizeLinear`, 'DequantizeLinear', [data, scales, zeros], {
    attributes: { axis: 1n, block_size: BigInt(blockSize) },
  });
  if (columns === perRow * blockSize) return filled;
  const int64 = (part: string, value: number) => graph.constantInt64(`${node}/Slice/${part}`, [value]);
  return graph.node(`${node}/Slice`, 'Slice', [
    filled,
    int64('start', 0),
    int64('end', columns),
    int64('axis', 1),
  ]);
}
