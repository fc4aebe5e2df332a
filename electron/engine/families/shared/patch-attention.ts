import type { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { flattened, reshape, scaledDotProduct, transpose } from '../../graph/reshape.ts';
import type { VisionConfig } from './model-config.ts';

/** Of patches: float32 [B, M, C] each. */
export type QueryKeyValue = readonly [string, string, string];

/**
 * Every patch looks at all M of its own image, window or tile: [B, M, C] each → [B · M, C].
 *
 * @param bias float32 [B, 1, M, M], added to the scores; null for none
 */
export function attendPatches(
  graph: GraphBuilder,
  node: string,
  qkv: QueryKeyValue,
  config: VisionConfig,
  bias: string | null,
  { attention }: GraphTarget,
): string {
  if (attention === 'fused') return attendFused(graph, node, qkv, config, bias);
  return bias === null
    ? attendByHead(graph, node, qkv, config)
    : attendComposed(graph, node, qkv, config, bias);
}

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

/** All heads in one product: scores [B, heads, M, M]. */
function attendComposed(
  graph: GraphBuilder,
  node: string,
  qkv: QueryKeyValue,
  config: VisionConfig,
  bias: string,
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
