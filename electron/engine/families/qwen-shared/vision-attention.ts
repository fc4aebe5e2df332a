import type { VisionConfig } from '../shared/model-config.ts';
import type { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { linear } from '../../graph/linear.ts';
import { toBatch } from '../../graph/reshape.ts';
import { attendPatches, type QueryKeyValue } from '../shared/patch-attention.ts';

/** The values that every vision block's attention reads; rows are patches in window order. */
export interface VisionAttentionInputs {
  /** int64 [3]: B, S, width. */
  readonly batchShape: string;
  /** float32 [S, headDim / 2], row = patch. */
  readonly cos: string;
  readonly sin: string;
  /** int64 [1]: 0, the first row of the rotation table. */
  readonly firstPatch: string;
  /** How rows are laid out as windows; null in blocks that attend to the whole image. */
  readonly windows: VisionWindows | null;
}

export interface VisionWindows {
  /** int64 [W · M]: the patch of every slot of every window of one image, any where a window has fewer than M. */
  readonly slots: string;
  /** int64 [B · S]: the slot of every patch row, over all images. */
  readonly slotOfPatch: string;
  /** float32 [B · W, 1, M, M]: 0, or a large negative number for empty slots. */
  readonly bias: string;
  /** int64 [3]: B · W, M, width. */
  readonly shape: string;
}

/**
 * Two-way attention over patches, over the whole of each of B images or within windows.
 *
 * ```
 *   x [B · S, C] ─ qkv ─ Split ─┬─ q ─ RoPE ─┐
 *                               ├─ k ─ RoPE ─┼─ (Gather into [B · W, M, C]) ─ attend ─ (Gather back) ─ proj
 *                               └─ v ────────┘
 * ```
 *
 * Windows at the right and lower edges may hold fewer than M patches; their empty slots repeat a row and are
 * masked by the bias, and nothing gathers them back.
 */
export function visionAttention(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  config: VisionConfig,
  inputs: VisionAttentionInputs,
  target: GraphTarget,
): string {
  const { width } = config;
  const { windows } = inputs;
  const qkv = rotatedQueryKeyValue(graph, node, tensor, x, config, inputs);
  const laidOut =
    windows === null
      ? qkv
      : (qkv.map((rows, part) =>
          toWindows(graph, `${node}/${part}`, rows, windows),
        ) as unknown as QueryKeyValue);
  let rows = attendPatches(graph, node, laidOut, config, windows?.bias ?? null, target);
  if (windows !== null) {
    rows = graph.node(`${node}/FromWindows`, 'Gather', [rows, windows.slotOfPatch], {
      attributes: { axis: 0n },
    });
  }
  return linear(graph, `${node}/proj`, `${tensor}.proj`, rows, [width, width], { bias: true });
}

/** q and k rotated by patch position, v as it is: float32 [B, S, C] each. */
function rotatedQueryKeyValue(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  { width, numHeads }: VisionConfig,
  { batchShape, firstPatch, cos, sin }: VisionAttentionInputs,
): QueryKeyValue {
  const qkv = linear(graph, `${node}/qkv`, `${tensor}.qkv`, x, [3 * width, width], { bias: true });
  const [query, key, value] = graph.nodes(`${node}/Split`, 'Split', [qkv], {
    outputs: ['query', 'key', 'value'].map((part) => `${node}/${part}`),
    attributes: { axis: -1n, num_outputs: 3n },
  }) as [string, string, string];
  const rotate = (rows: string) =>
    graph.node(
      `${rows}/RotaryEmbedding`,
      'RotaryEmbedding',
      [toBatch(graph, rows, rows, batchShape), firstPatch, cos, sin],
      {
        domain: 'com.microsoft',
        attributes: { num_heads: BigInt(numHeads), interleaved: 0n },
      },
    );
  return [rotate(query), rotate(key), toBatch(graph, value, value, batchShape)];
}

/** [B, S, C] → [B · W, M, C] */
function toWindows(graph: GraphBuilder, node: string, rows: string, { slots, shape }: VisionWindows): string {
  const gathered = graph.node(`${node}/ToWindows`, 'Gather', [rows, slots], { attributes: { axis: 1n } });
  return graph.node(`${node}/Windows`, 'Reshape', [gathered, shape]);
}
