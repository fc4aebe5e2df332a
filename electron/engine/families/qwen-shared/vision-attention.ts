import type { VisionConfig } from '../shared/model-config.ts';
import type { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { linear } from '../../graph/linear.ts';
import { flattened, reshape, scaledDotProduct, toBatch, transpose } from '../../graph/reshape.ts';

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

type QueryKeyValue = readonly [string, string, string];

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
  { attention }: GraphTarget,
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
  const attend = attention === 'fused' ? attendFused : windows === null ? attendByHead : attendComposed;
  let rows = attend(graph, node, laidOut, config, windows?.bias ?? null);
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

/** [B, M, C] each → [B · M, C] */
function attendFused(
  graph: GraphBuilder,
  node: string,
  qkv: QueryKeyValue,
  { width, numHeads }: VisionConfig,
  bias: string | null,
): string {
  const inputs = bias === null ? qkv : [...qkv, '', '', bias];
  const attended = graph.node(`${node}/MultiHeadAttention`, 'MultiHeadAttention', inputs, {
    domain: 'com.microsoft',
    attributes: { num_heads: BigInt(numHeads) },
  });
  return flattened(graph, node, attended, width);
}

/** The same with all heads in one product: scores [B, heads, M, M]. */
function attendComposed(
  graph: GraphBuilder,
  node: string,
  qkv: QueryKeyValue,
  config: VisionConfig,
  bias: string | null,
): string {
  const headDim = config.width / config.numHeads;
  const attended = scaledDotProduct(graph, node, splitHeads(graph, node, qkv, config), headDim, bias);
  return joinHeads(graph, node, attended, config);
}

/**
 * The same head by head, since the scores of a whole image take S² numbers each. Heads are gathered one by one: a Split
 * into all of them would bind more buffers than a shader may.
 */
function attendByHead(graph: GraphBuilder, node: string, qkv: QueryKeyValue, config: VisionConfig): string {
  const { numHeads, width } = config;
  const parts = splitHeads(graph, node, qkv, config);
  const heads = Array.from({ length: numHeads }, (_, head) => {
    const place = graph.constantInt64(`${node}/head.${head}/place`, [head]);
    const ofPart = (part: 0 | 1 | 2) =>
      graph.node(`${node}/${part}/head.${head}`, 'Gather', [parts[part], place], {
        attributes: { axis: 1n },
      });
    const own = [ofPart(0), ofPart(1), ofPart(2)] as const;
    return scaledDotProduct(graph, `${node}/head.${head}`, own, width / numHeads, null);
  });
  const attended = graph.node(`${node}/Concat`, 'Concat', heads, { attributes: { axis: 1n } });
  return joinHeads(graph, node, attended, config);
}

/** q, v → [B, heads, M, H]; k → [B, heads, H, M] */
function splitHeads(
  graph: GraphBuilder,
  node: string,
  qkv: QueryKeyValue,
  { width, numHeads }: VisionConfig,
): QueryKeyValue {
  const headDim = width / numHeads;
  const split = (part: number, permutation: readonly number[]) => {
    // Reshape's 0 keeps B and M as they are.
    const heads = reshape(graph, `${node}/${part}/Heads`, qkv[part]!, [0, 0, numHeads, headDim]);
    return transpose(graph, `${node}/${part}/Transpose`, heads, permutation);
  };
  return [split(0, [0, 2, 1, 3]), split(1, [0, 2, 3, 1]), split(2, [0, 2, 1, 3])];
}

/** [B, heads, M, H] → [B · M, C] */
function joinHeads(graph: GraphBuilder, node: string, attended: string, { width }: VisionConfig): string {
  const byPatch = transpose(graph, `${node}/attended/Transpose`, attended, [0, 2, 1, 3]);
  return flattened(graph, node, byPatch, width);
}
