import type { VisionConfig } from './model-config.ts';
import type { GraphBuilder } from '../../graph/graph-builder.ts';
import { tanhGeluMlp } from '../../graph/mlp.ts';
import { layerNorm } from '../../graph/norm.ts';

const eps = 1e-6;

/** What a family's files call the parts of a block. */
interface BlockNames {
  readonly norms: readonly [string, string];
  readonly mlp: readonly [string, string];
}

/**
 * A block of a vision tower with LayerNorm and a GELU MLP: float32 [rows, C].
 *
 * ```
 *   x ─ norm ─ attention ─(+)─ norm ─ mlp ─(+)─►
 * ```
 *
 * @param attend from normed rows to what attention adds to the stream
 */
export function visionBlock(
  graph: GraphBuilder,
  block: number,
  x: string,
  { width, dMlp }: VisionConfig,
  { norms, mlp }: BlockNames,
  attend: (normed: string) => string,
): string {
  const node = `/visual/blocks.${block}`;
  const tensor = `visual.blocks.${block}`;
  const norm = (name: string, rows: string) =>
    layerNorm(graph, `${node}/${name}`, `${tensor}.${name}`, rows, width, eps);
  const attended = graph.node(`${node}/attn/Add`, 'Add', [x, attend(norm(norms[0], x))]);
  const matrices = [`${tensor}.mlp.${mlp[0]}`, `${tensor}.mlp.${mlp[1]}`] as const;
  const update = tanhGeluMlp(graph, `${node}/mlp`, matrices, norm(norms[1], attended), [width, dMlp]);
  return graph.node(`${node}/mlp/Add`, 'Add', [attended, update]);
}
