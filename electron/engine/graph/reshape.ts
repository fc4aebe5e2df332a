import type { GraphBuilder } from './graph-builder.ts';

/** Reshapes to constant sides; −1 is inferred. */
export function reshape(graph: GraphBuilder, name: string, value: string, shape: readonly number[]): string {
  return graph.node(name, 'Reshape', [value, graph.constantInt64(`${name}/shape`, shape)]);
}

/**
 * [B · R, C] → [B, R, C]
 *
 * @param shape int64 [3]: B, R, C
 */
export function toBatch(graph: GraphBuilder, node: string, rows: string, shape: string): string {
  return graph.node(`${node}/Batch`, 'Reshape', [rows, shape]);
}

/** [B, R, C] → [B · R, C] */
export function flattened(graph: GraphBuilder, node: string, batch: string, width: number): string {
  return reshape(graph, `${node}/Flatten`, batch, [-1, width]);
}

export function transpose(
  graph: GraphBuilder,
  name: string,
  value: string,
  permutation: readonly number[],
): string {
  return graph.node(name, 'Transpose', [value], { attributes: { perm: permutation.map(BigInt) } });
}

/**
 * softmax(q · kᵀ / √queryScalar + bias) · v, of q `[.., S, H]`, kᵀ `[.., H, T]` and v `[.., T, H]`
 *
 * @param queryScalar H in most models
 * @param bias broadcasts to [.., S, T]; null for none
 */
export function scaledDotProduct(
  graph: GraphBuilder,
  node: string,
  [query, keyTransposed, value]: readonly [string, string, string],
  queryScalar: number,
  bias: string | null,
): string {
  const products = graph.node(`${node}/Scores/MatMul`, 'MatMul', [query, keyTransposed]);
  const scale = graph.constantFloat32(`${node}/scale`, [1 / Math.sqrt(queryScalar)]);
  let scores = graph.node(`${node}/Scores/Mul`, 'Mul', [products, scale]);
  if (bias !== null) scores = graph.node(`${node}/Scores/Add`, 'Add', [scores, bias]);
  const weights = graph.node(`${node}/Softmax`, 'Softmax', [scores], { attributes: { axis: -1n } });
  return graph.node(`${node}/Weighted/MatMul`, 'MatMul', [weights, value]);
}
