import type { GraphBuilder } from './graph-builder.ts';

/** RMSNorm over the last side: g ⊙ x / sqrt(mean(x²) + eps), in float32. */
export function rmsNorm(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  width: number,
  eps: number,
): string {
  return graph.node(
    `${node}/RMSNorm`,
    'SimplifiedLayerNormalization',
    [x, graph.weight(`${tensor}.weight`, [width])],
    {
      attributes: { axis: -1n, epsilon: eps, stash_type: 1n },
    },
  );
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
): { readonly normed: string; readonly sum: string } {
  const gain = graph.weight(`${tensor}.weight`, [width]);
  const name = `${node}/SkipRMSNorm`;
  const outputs = [name, '', '', `${node}/residual`];
  graph.nodes(name, 'SkipSimplifiedLayerNormalization', [residual, update, gain], {
    domain: 'com.microsoft',
    outputs,
    attributes: { epsilon: eps },
  });
  return { normed: name, sum: `${node}/residual` };
}
