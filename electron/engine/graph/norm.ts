import type { GraphBuilder } from './graph-builder.ts';

/**
 * RMSNorm over the last side: g ⊙ x / sqrt(mean(x²) + eps), in float32.
 *
 * @param gainOffset added to the stored gain; see `normGain`
 */
export function rmsNorm(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  width: number,
  eps: number,
  gainOffset = 0,
): string {
  const gain = normGain(graph, node, tensor, width, gainOffset);
  return graph.node(`${node}/RMSNorm`, 'SimplifiedLayerNormalization', [x, gain], {
    attributes: { axis: -1n, epsilon: eps, stash_type: 1n },
  });
}

/**
 * The gain of an RMSNorm, float32 [width]; a session adds the offset once, when it is loaded.
 *
 * @param offset added to what is stored: 1 in Gemma, whose files hold the gain less 1
 */
export function normGain(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  width: number,
  offset: number,
): string {
  const stored = graph.weight(`${tensor}.weight`, [width]);
  if (offset === 0) return stored;
  return graph.node(`${node}/Gain`, 'Add', [stored, graph.constantFloat32(`${node}/offset`, [offset])]);
}

/** LayerNorm over the last side, with gain and bias. */
export function layerNorm(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  width: number,
  eps: number,
): string {
  const inputs = [x, graph.weight(`${tensor}.weight`, [width]), graph.weight(`${tensor}.bias`, [width])];
  return graph.node(`${node}/LayerNorm`, 'LayerNormalization', inputs, {
    attributes: { axis: -1n, epsilon: eps },
  });
}

/**
 * Residual addition and the RMSNorm that follows it, in one operator.
 *
 * ```
 *   residual ──┬─► (+) ──────────► sum, the new residual stream
 *   update ────┘    └─► RMSNorm ─► normed, input of the next sub-block
 * ```
 */
export function addAndRmsNorm(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  residual: string,
  update: string,
  width: number,
  eps: number,
  gainOffset = 0,
): { readonly normed: string; readonly sum: string } {
  const gain = normGain(graph, node, tensor, width, gainOffset);
  const name = `${node}/SkipRMSNorm`;
  const outputs = [name, '', '', `${node}/residual`];
  graph.nodes(name, 'SkipSimplifiedLayerNormalization', [residual, update, gain], {
    domain: 'com.microsoft',
    outputs,
    attributes: { epsilon: eps },
  });
  return { normed: name, sum: `${node}/residual` };
}
