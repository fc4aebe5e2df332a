import type { DecoderConfig, VisionConfig } from '../checkpoint/config.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { linear } from './linear.ts';

/** The values that every decoder block's attention reads. */
export interface DecoderAttentionInputs {
  /** float32 [T, headDim / 2], row = absolute position. */
  readonly cos: string;
  readonly sin: string;
  /** int32 [1]: positions in all, minus one. */
  readonly lastPosition: string;
  /** int32 scalar: positions in all. */
  readonly totalLength: string;
}

/**
 * Causal grouped-query attention with M-RoPE and a KV cache.
 *
 * ```
 *   x [S, D] ─┬─ q_proj ─┐                      past_key, past_value [1, G, P, H]
 *             ├─ k_proj ─┼─ GroupQueryAttention ─► o_proj ─► [S, D]
 *             └─ v_proj ─┘   (rotates q and k)  └─► present_key, present_value [1, G, P + S, H]
 * ```
 *
 * The operator looks rotations up by absolute position, so M-RoPE is a table whose row t holds the angles of
 * position t: three-dimensional positions need no operator of their own.
 */
export function decoderAttention(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  layer: number,
  config: DecoderConfig,
  inputs: DecoderAttentionInputs,
): string {
  const { dModel, numHeads, numKeyValueHeads, headDim } = config;
  const dQuery = numHeads * headDim;
  const dKeyValue = numKeyValueHeads * headDim;
  const project = (name: string, width: number) =>
    batched(graph, `${node}/${name}`, linear(graph, `${node}/${name}`, `${tensor}.${name}`, x, [width, dModel], { bias: true }), width);

  const pastShape = [1, numKeyValueHeads, 'past', headDim] as const;
  const presentShape = [1, numKeyValueHeads, 'total', headDim] as const;
  const pastKey = graph.input(`past.${layer}.key`, 'float32', pastShape);
  const pastValue = graph.input(`past.${layer}.value`, 'float32', pastShape);
  const name = `${node}/GroupQueryAttention`;
  const present = [`${node}/present_key`, `${node}/present_value`] as const;
  graph.nodes(
    name,
    'GroupQueryAttention',
    [
      project('q_proj', dQuery),
      project('k_proj', dKeyValue),
      project('v_proj', dKeyValue),
      pastKey,
      pastValue,
      inputs.lastPosition,
      inputs.totalLength,
      inputs.cos,
      inputs.sin,
    ],
    {
      domain: 'com.microsoft',
      outputs: [name, ...present],
      attributes: {
        num_heads: BigInt(numHeads),
        kv_num_heads: BigInt(numKeyValueHeads),
        do_rotary: 1n,
        rotary_interleaved: 0n,
      },
    },
  );
  graph.output(`present.${layer}.key`, present[0], 'float32', presentShape);
  graph.output(`present.${layer}.value`, present[1], 'float32', presentShape);
  const rows = flattened(graph, node, name, dQuery);
  return linear(graph, `${node}/o_proj`, `${tensor}.o_proj`, rows, [dModel, dQuery], { bias: false });
}

/** The values that every vision block's attention reads; rows are patches in window order. */
export interface VisionAttentionInputs {
  /** float32 [S, headDim / 2], row = patch. */
  readonly cos: string;
  readonly sin: string;
  /** int64 [1, 1]: 0, the first row of the rotation table. */
  readonly firstPatch: string;
  /** How rows are laid out as windows; null in blocks that attend to the whole image. */
  readonly windows: VisionWindows | null;
}

export interface VisionWindows {
  /** int64 [W · M]: the patch row of every slot of every window, any row where a window has fewer than M. */
  readonly slots: string;
  /** int64 [S]: the slot of every patch row. */
  readonly slotOfPatch: string;
  /** float32 [W, 1, M, M]: 0, or a large negative number for empty slots. */
  readonly bias: string;
  /** int64 [3]: W, M, width. */
  readonly shape: string;
}

/**
 * Two-way attention over patches, over the whole image or within windows.
 *
 * ```
 *   x [S, C] ─ qkv ─ Split ─┬─ q ─ RoPE ─┐
 *                           ├─ k ─ RoPE ─┼─ (Gather into [W, M, C]) ─ MultiHeadAttention ─ (Gather back) ─ proj
 *                           └─ v ────────┘
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
  { width, numHeads }: VisionConfig,
  inputs: VisionAttentionInputs,
): string {
  const qkv = linear(graph, `${node}/qkv`, `${tensor}.qkv`, x, [3 * width, width], { bias: true });
  const [query, key, value] = graph.nodes(`${node}/Split`, 'Split', [qkv], {
    outputs: ['query', 'key', 'value'].map((part) => `${node}/${part}`),
    attributes: { axis: -1n, num_outputs: 3n },
  }) as [string, string, string];
  const rotate = (part: string, rows: string) =>
    graph.node(
      `${node}/${part}/RotaryEmbedding`,
      'RotaryEmbedding',
      [batched(graph, `${node}/${part}`, rows, width), inputs.firstPatch, inputs.cos, inputs.sin],
      { domain: 'com.microsoft', attributes: { num_heads: BigInt(numHeads), interleaved: 0n } },
    );
  const parts = {
    query_rope: rotate('query_rope', query),
    key_rope: rotate('key_rope', key),
    value: batched(graph, `${node}/value`, value, width),
  };
  const { windows } = inputs;
  const toWindows = ([part, rows]: [string, string]) => {
    if (windows === null) return rows;
    const gathered = graph.node(`${node}/${part}/ToWindows`, 'Gather', [rows, windows.slots], { attributes: { axis: 1n } });
    return graph.node(`${node}/${part}/Windows`, 'Reshape', [gathered, windows.shape]);
  };
  const qkvWindows = Object.entries(parts).map(toWindows);
  const attended = graph.node(
    `${node}/MultiHeadAttention`,
    'MultiHeadAttention',
    windows === null ? qkvWindows : [...qkvWindows, '', '', windows.bias],
    { domain: 'com.microsoft', attributes: { num_heads: BigInt(numHeads) } },
  );
  let rows = flattened(graph, node, attended, width);
  if (windows !== null) {
    rows = graph.node(`${node}/FromWindows`, 'Gather', [rows, windows.slotOfPatch], { attributes: { axis: 0n } });
  }
  return linear(graph, `${node}/proj`, `${tensor}.proj`, rows, [width, width], { bias: true });
}

/** [R, C] → [1, R, C] */
function batched(graph: GraphBuilder, node: string, rows: string, width: number): string {
  return graph.node(`${node}/Batch`, 'Reshape', [rows, graph.constantInt64(`${node}/batch_shape`, [1, -1, width])]);
}

/** [B, R, C] → [B · R, C] */
function flattened(graph: GraphBuilder, node: string, batch: string, width: number): string {
  return graph.node(`${node}/Flatten`, 'Reshape', [batch, graph.constantInt64(`${node}/flat_shape`, [-1, width])]);
}
