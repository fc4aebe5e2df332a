import type { GraphBuilder } from './graph-builder.ts';
import { linear } from './linear.ts';

/**
 * down( silu(gate(x)) ⊙ up(x) )
 *
 * ```
 *   x ─┬─► gate_proj ─► SiLU ─┐
 *      └─► up_proj ───────────⊙─► down_proj
 * ```
 *
 * SiLU is QuickGelu with alpha 1: x · sigmoid(1 · x).
 */
export function gatedMlp(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  [width, dMlp]: readonly [number, number],
  options: { readonly bias: boolean },
): string {
  const gate = linear(graph, `${node}/gate_proj`, `${tensor}.gate_proj`, x, [dMlp, width], options);
  const up = linear(graph, `${node}/up_proj`, `${tensor}.up_proj`, x, [dMlp, width], options);
  const activated = quickGelu(graph, node, gate, 1);
  const product = graph.node(`${node}/Mul`, 'Mul', [activated, up]);
  return linear(graph, `${node}/down_proj`, `${tensor}.down_proj`, product, [width, dMlp], options);
}

/** fc2( quickGelu(fc1(x)) ), as in the Qwen2-VL vision tower. */
export function quickGeluMlp(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  [width, dMlp]: readonly [number, number],
): string {
  const hidden = linear(graph, `${node}/fc1`, `${tensor}.fc1`, x, [dMlp, width], { bias: true });
  const activated = quickGelu(graph, node, hidden, 1.702);
  return linear(graph, `${node}/fc2`, `${tensor}.fc2`, activated, [width, dMlp], { bias: true });
}

/**
 * fc2( gelu(fc1(x)) ) with the tanh form of GELU.
 *
 * @param tensors prefixes of the canonical names of both matrices
 */
export function tanhGeluMlp(
  graph: GraphBuilder,
  node: string,
  tensors: readonly [string, string],
  x: string,
  [width, dMlp]: readonly [number, number],
): string {
  const hidden = linear(graph, `${node}/fc1`, tensors[0], x, [dMlp, width], { bias: true });
  const activated = graph.node(`${node}/FastGelu`, 'FastGelu', [hidden], { domain: 'com.microsoft' });
  return linear(graph, `${node}/fc2`, tensors[1], activated, [width, dMlp], { bias: true });
}

/** x · sigmoid(alpha · x) */
function quickGelu(graph: GraphBuilder, node: string, x: string, alpha: number): string {
  return graph.node(`${node}/Activation`, 'QuickGelu', [x], {
    domain: 'com.microsoft',
    attributes: { alpha },
  });
}
