import type { GraphBuilder } from './graph-builder.ts';
import { linear } from './linear.ts';

interface GatedOptions {
  readonly bias: boolean;
  /** Of the gate; GELU in its tanh form. SiLU where left out. */
  readonly activation?: 'silu' | 'gelu';
}

/**
 * down( silu(gate(x)) ⊙ up(x) ), or with GELU.
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
  { bias, activation }: GatedOptions,
): string {
  const options = { bias };
  const gate = linear(graph, `${node}/gate_proj`, `${tensor}.gate_proj`, x, [dMlp, width], options);
  const up = linear(graph, `${node}/up_proj`, `${tensor}.up_proj`, x, [dMlp, width], options);
  const activated = activation === 'gelu' ? tanhGelu(graph, node, gate) : quickGelu(graph, node, gate, 1);
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
  const activated = tanhGelu(graph, node, hidden);
  return linear(graph, `${node}/fc2`, tensors[1], activated, [width, dMlp], { bias: true });
}

/** GELU in its tanh form. */
function tanhGelu(graph: GraphBuilder, node: string, x: string): string {
  return graph.node(`${node}/FastGelu`, 'FastGelu', [x], { domain: 'com.microsoft' });
}

/** x · sigmoid(alpha · x) */
function quickGelu(graph: GraphBuilder, node: string, x: string, alpha: number): string {
  return graph.node(`${node}/Activation`, 'QuickGelu', [x], {
    domain: 'com.microsoft',
    attributes: { alpha },
  });
}
