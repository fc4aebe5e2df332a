import type { GraphBuilder } from './graph-builder.ts';

/** Columns whose second moments are taken together. */
export const momentsGroup = 256;

/** Of matrices that read the same input, the first; it stands for all. */
const firstReader: Readonly<Record<string, string>> = {
  k_proj: 'q_proj',
  v_proj: 'q_proj',
  up_proj: 'gate_proj',
};

/** Projections of a decoder block whose inputs are observed, with the names of the graph's outputs. */
export const observedProjections = [
  'self_attn.q_proj',
  'self_attn.o_proj',
  'mlp.gate_proj',
  'mlp.down_proj',
] as const;

/**
 * The graph output that holds the second moments of a matrix's input, or null of a matrix that is not observed.
 *
 * @param tensor prefix of the canonical names, e.g. `model.layers.0.self_attn.k_proj`
 */
export function momentsOf(tensor: string): string | null {
  const [, block, kind] = /^(model\.layers\.\d+\.(?:self_attn|mlp))\.(\w+)$/.exec(tensor) ?? [];
  return kind === undefined ? null : `moments.${block}.${firstReader[kind] ?? kind}`;
}

/**
 * Adds the second moments of a decoder projection's input as a graph output, once per input: float32 [groups, 256, 256],
 * Σ over rows of xᵢ xⱼ within each group of 256 columns, the last group filled up with zeros.
 *
 * ```
 *   x [S, C] ─► Pad ─► [S, groups, 256] ─┬─► [groups, 256, S] ─┐
 *                                        └─► [groups, S, 256] ─┴ MatMul ─► [groups, 256, 256]
 * ```
 */
export function observeInput(graph: GraphBuilder, tensor: string, x: string, columns: number): void {
  const output = momentsOf(tensor);
  if (output !== `moments.${tensor}`) return;
  const part = (name: string) => `/${output}/${name}`;
  const groups = Math.ceil(columns / momentsGroup);
  const filling = graph.constantInt64(part('filling'), [0, 0, 0, groups * momentsGroup - columns]);
  const filled = graph.node(part('Pad'), 'Pad', [x, filling]);
  const sides = graph.constantInt64(part('sides'), [-1, groups, momentsGroup]);
  const grouped = graph.node(part('Reshape'), 'Reshape', [filled, sides]);
  const turn = (name: string, perm: bigint[]) =>
    graph.node(part(name), 'Transpose', [grouped], { attributes: { perm } });
  const product = graph.node(part('MatMul'), 'MatMul', [
    turn('Columns', [1n, 2n, 0n]),
    turn('Rows', [1n, 0n, 2n]),
  ]);
  graph.output(output, product, 'float32', [groups, momentsGroup, momentsGroup]);
}
