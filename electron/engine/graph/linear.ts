import type { GraphBuilder } from './graph-builder.ts';
import type { TakeOptions } from './weight-source.ts';

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
  const weight = graph.weight(`${tensor}.weight`, [dOut, dIn], take);
  const inputs = bias ? [x, weight, graph.weight(`${tensor}.bias`, [dOut])] : [x, weight];
  return graph.node(`${node}/MatMul`, 'Gemm', inputs, { attributes: { transB: 1n } });
}
