import { decoderAttentionKind, type DecoderConfig } from './model-config.ts';
import type { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { linear } from '../../graph/linear.ts';
import { rmsNorm } from '../../graph/norm.ts';
import { flattened, reshape, scaledDotProduct, toBatch, transpose } from '../../graph/reshape.ts';

/** What the attention of one kind of block reads beside its rows. */
interface Sight {
  /** float32 [T, headDim / 2], row = absolute position. */
  readonly cos: string;
  readonly sin: string;
  /** float32 [S, T]: 0 where a position may look, else a large negative number. Composed only. */
  readonly bias: string;
}

/** The values that every decoder block's attention reads. */
export interface DecoderAttentionInputs {
  /** int64 [3]: B, S and the width of all query heads together. */
  readonly queryShape: string;
  /** int64 [3]: B, S and the width of all key-value heads together. */
  readonly keyValueShape: string;
  /** Of blocks that see everything before them. */
  readonly full: Sight;
  /** Of blocks that see a window; null without such. */
  readonly sliding: Sight | null;
  /** int32 [B]: positions in all, minus one. Fused only. */
  readonly lastPosition: string;
  /** int32 scalar: positions in all. Fused only. */
  readonly totalLength: string;
  /** int64 [1]: positions in the cache. Composed only. */
  readonly pastLength: string;
}

/** Adds the inputs that the target's attention reads. */
export function addAttentionInputs(
  graph: GraphBuilder,
  config: DecoderConfig,
  target: GraphTarget,
): DecoderAttentionInputs {
  const isFused = decoderAttentionKind(config, target.attention) === 'fused';
  const see = (prefix: string, bias: string): Sight => ({
    cos: graph.input(`${prefix}cos`, 'float32', ['total', config.headDim / 2]),
    sin: graph.input(`${prefix}sin`, 'float32', ['total', config.headDim / 2]),
    bias: isFused ? '' : graph.input(bias, 'float32', ['sequence', 'total']),
  });
  const shared = {
    queryShape: graph.input('query_shape', 'int64', [3]),
    keyValueShape: graph.input('key_value_shape', 'int64', [3]),
    full: see('', 'causal_bias'),
    sliding: config.sliding === undefined ? null : see('sliding_', 'sliding_bias'),
  };
  return isFused
    ? {
        ...shared,
        lastPosition: graph.input('last_position', 'int32', ['batch']),
        totalLength: graph.input('total_length', 'int32', []),
        pastLength: '',
      }
    : {
        ...shared,
        lastPosition: '',
        totalLength: '',
        pastLength: graph.input('past_length', 'int64', [1]),
      };
}

/** One block's projections and cache, before attention. */
interface Projected {
  /** float32 [B, S, heads · headDim] each, not rotated yet. */
  readonly query: string;
  readonly key: string;
  readonly value: string;
  /** float32 [B, G, P, headDim] */
  readonly pastKey: string;
  readonly pastValue: string;
}

/** float32 [B · S, heads · headDim], and the cache [B, G, P + S, headDim] for the next pass. */
interface Attended {
  readonly rows: string;
  readonly presentKey: string;
  readonly presentValue: string;
}

/**
 * Causal grouped-query attention with rotary positions and a KV cache.
 *
 * ```
 *   x [B · S, D] ─┬─ q_proj ─ (norm) ─┐                    past_key, past_value [B, G, P, H]
 *                 ├─ k_proj ─ (norm) ─┼─ rotate, attend ─► o_proj ─► [B · S, D]
 *                 └─ v_proj ──────────┘                  └─► present_key, present_value [B, G, P + S, H]
 * ```
 *
 * B sequences of equal length stand at equal positions. Rotations are looked up by absolute position, so M-RoPE is a table whose row t holds the angles of position
 * t: three-dimensional positions need no operator of their own.
 */
export function decoderAttention(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  layer: number,
  config: DecoderConfig,
  inputs: DecoderAttentionInputs,
  target: GraphTarget,
): string {
  const { dModel, numHeads, numKeyValueHeads, headDim, attentionBias: bias, normedQueryKey } = config;
  const project = (name: string, heads: number, shape: string, norm: string | null) => {
    const width = heads * headDim;
    const rows = linear(graph, `${node}/${name}`, `${tensor}.${name}`, x, [width, dModel], { bias });
    const normed =
      norm === null ? rows : normHeads(graph, `${node}/${norm}`, `${tensor}.${norm}`, rows, config);
    return toBatch(graph, `${node}/${name}`, normed, shape);
  };
  const { queryShape, keyValueShape } = inputs;
  const cacheShape = (length: string) => ['batch', numKeyValueHeads, length, headDim];
  const projected: Projected = {
    query: project('q_proj', numHeads, queryShape, normedQueryKey ? 'q_norm' : null),
    key: project('k_proj', numKeyValueHeads, keyValueShape, normedQueryKey ? 'k_norm' : null),
    value: project('v_proj', numKeyValueHeads, keyValueShape, null),
    pastKey: graph.input(`past.${layer}.key`, 'float32', cacheShape('past')),
    pastValue: graph.input(`past.${layer}.value`, 'float32', cacheShape('past')),
  };
  const sight = config.sliding?.layers[layer] === true ? inputs.sliding! : inputs.full;
  const attend = decoderAttentionKind(config, target.attention) === 'fused' ? attendFused : attendComposed;
  const { rows, presentKey, presentValue } = attend(graph, node, projected, config, inputs, sight);
  graph.output(`present.${layer}.key`, presentKey, 'float32', cacheShape('total'));
  graph.output(`present.${layer}.value`, presentValue, 'float32', cacheShape('total'));
  return linear(graph, `${node}/o_proj`, `${tensor}.o_proj`, rows, [dModel, numHeads * headDim], {
    bias: false,
  });
}

/** Each head's part of a row through one RMSNorm: [B · S, heads · H] → [B · S · heads, H]. */
function normHeads(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  rows: string,
  { headDim, rmsNormEps, gainOffset }: DecoderConfig,
): string {
  const heads = reshape(graph, `${node}/Heads`, rows, [-1, headDim]);
  return rmsNorm(graph, node, tensor, heads, headDim, rmsNormEps, gainOffset);
}

function attendFused(
  graph: GraphBuilder,
  node: string,
  { query, key, value, pastKey, pastValue }: Projected,
  { numHeads, numKeyValueHeads, headDim }: DecoderConfig,
  { lastPosition, totalLength }: DecoderAttentionInputs,
  { cos, sin }: Sight,
): Attended {
  const name = `${node}/GroupQueryAttention`;
  const [attended, presentKey, presentValue] = graph.nodes(
    name,
    'GroupQueryAttention',
    [query, key, value, pastKey, pastValue, lastPosition, totalLength, cos, sin],
    {
      domain: 'com.microsoft',
      outputs: [name, `${node}/present_key`, `${node}/present_value`],
      attributes: {
        num_heads: BigInt(numHeads),
        kv_num_heads: BigInt(numKeyValueHeads),
        do_rotary: 1n,
        rotary_interleaved: 0n,
      },
    },
  ) as [string, string, string];
  return { rows: flattened(graph, node, attended, numHeads * headDim), presentKey, presentValue };
}

/**
 * ```
 *   query ─ rotate ─► [B, G, R, S, H] ─┐   R = query heads per key-value head
 *   key ─── rotate ─► [B, G, S, H] ────┼─ append to the cache ─► scaled dot product ─► [B · S, G · R · H]
 *   value ──────────► [B, G, S, H] ────┘
 * ```
 */
function attendComposed(
  graph: GraphBuilder,
  node: string,
  { query, key, value, pastKey, pastValue }: Projected,
  { numHeads, numKeyValueHeads: groups, headDim, queryScalar = headDim }: DecoderConfig,
  { pastLength }: DecoderAttentionInputs,
  { cos, sin, bias }: Sight,
): Attended {
  const perGroup = numHeads / groups;
  const rotate = (part: string, rows: string, heads: number) =>
    graph.node(`${node}/${part}/RotaryEmbedding`, 'RotaryEmbedding', [rows, pastLength, cos, sin], {
      domain: 'com.microsoft',
      attributes: { num_heads: BigInt(heads), interleaved: 0n },
    });
  const split = (part: string, rows: string) => {
    // Reshape's 0 keeps B and S as they are.
    const heads = reshape(graph, `${node}/${part}/Heads`, rows, [0, 0, groups, headDim]);
    return transpose(graph, `${node}/${part}/Transpose`, heads, [0, 2, 1, 3]);
  };
  const append = (part: string, past: string, fresh: string) =>
    graph.node(`${node}/${part}/Concat`, 'Concat', [past, fresh], { attributes: { axis: 2n } });
  const presentKey = append('key', pastKey, split('key', rotate('key', key, groups)));
  const presentValue = append('value', pastValue, split('value', value));

  const rotated = rotate('query', query, numHeads);
  const heads = reshape(graph, `${node}/query/Heads`, rotated, [0, 0, groups, perGroup, headDim]);
  const queries = transpose(graph, `${node}/query/Transpose`, heads, [0, 2, 3, 1, 4]);
  const keys = reshape(graph, `${node}/key/PerGroup`, presentKey, [0, groups, 1, -1, headDim]);
  const values = reshape(graph, `${node}/value/PerGroup`, presentValue, [0, groups, 1, -1, headDim]);
  const keysTransposed = transpose(graph, `${node}/key/Transposed`, keys, [0, 1, 2, 4, 3]);
  const attended = scaledDotProduct(graph, node, [queries, keysTransposed, values], queryScalar, bias);
  const byPosition = transpose(graph, `${node}/attended/Transpose`, attended, [0, 3, 1, 2, 4]);
  return { rows: flattened(graph, node, byPosition, numHeads * headDim), presentKey, presentValue };
}
