import { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { linear } from '../../graph/linear.ts';
import { layerNorm } from '../../graph/norm.ts';
import { flattened, reshape, toBatch } from '../../graph/reshape.ts';
import type { WeightProvider } from '../../weights/weight-source.ts';
import { visionAttention } from '../qwen-shared/vision-attention.ts';
import type { VisionConfig } from '../shared/model-config.ts';
import { visionBlock } from '../shared/vision-block.ts';

const eps = 1e-6;
const names = { norms: ['norm1', 'norm2'], mlp: ['linear_fc1', 'linear_fc2'] } as const;

/**
 * The vision tower as a graph, from patches to merged image tokens and the features that DeepStack adds in the decoder.
 *
 * Inputs, of B images of equal grid one after the other: `pixel_values` float32 [B · S, 3 · temporal · patch²], the 2 × 2
 * patches of a merged token contiguous; `batch_shape` int64 [3], B, S and the width; `cos`, `sin` float32
 * [S, headDim / 2]; `position_taps` int64 [4, S] and `position_weights` float32 [4, S, 1], the learned positions around each
 * patch and their shares.
 * Output: `image_embeds` float32 [B · S / merge², inputWidth]: the merged tokens, and beside them each block's features.
 *
 * ```
 *   patch_embed ─(+ positions)─► block 0 ─► … ─► block n ─► merger ──────┬─ Concat ─► image_embeds
 *                                   └─ at deepStackBlocks: merger of its own ─┘
 * ```
 */
export function buildVisionTower(
  config: VisionConfig,
  weights: WeightProvider,
  target: GraphTarget,
): Uint8Array {
  const { numBlocks, width, numHeads, outWidth, patchSize, temporalPatchSize, deepStackBlocks } = config;
  const graph = new GraphBuilder('vision', weights, target);
  const patchWidth = 3 * temporalPatchSize * patchSize * patchSize;
  const pixels = graph.input('pixel_values', 'float32', ['rows', patchWidth]);
  const halfHead = width / numHeads / 2;
  const shared = {
    batchShape: graph.input('batch_shape', 'int64', [3]),
    cos: graph.input('cos', 'float32', ['patches', halfHead]),
    sin: graph.input('sin', 'float32', ['patches', halfHead]),
    firstPatch: graph.constantInt64('first_patch', [0]),
    windows: null,
  };
  const patches = linear(
    graph,
    '/visual/patch_embed',
    'visual.patch_embed.proj',
    pixels,
    [width, patchWidth],
    {
      bias: true,
      flatten: true,
    },
  );
  let x = addPositions(graph, patches, shared.batchShape, config);
  const features: string[] = [];
  for (let block = 0; block < numBlocks; block++) {
    x = visionBlock(graph, block, x, config, names, (normed) => {
      const [node, tensor] = [`/visual/blocks.${block}/attn`, `visual.blocks.${block}.attn`];
      return visionAttention(graph, node, tensor, normed, config, shared, target);
    });
    const place = deepStackBlocks.indexOf(block);
    if (place >= 0) features.push(mergePatches(graph, `deepstack_merger_list.${place}`, x, config, 'after'));
  }
  const parts = [mergePatches(graph, 'merger', x, config, 'before'), ...features];
  const embeds =
    parts.length === 1
      ? parts[0]!
      : graph.node('/visual/image_embeds/Concat', 'Concat', parts, { attributes: { axis: 1n } });
  graph.output('image_embeds', embeds, 'float32', ['image_tokens', outWidth * parts.length]);
  return graph.build();
}

/** Adds to every patch its four neighbours among the learned positions, by their shares: float32 [B · S, C]. */
function addPositions(
  graph: GraphBuilder,
  patches: string,
  batchShape: string,
  { width, positionSide }: VisionConfig,
): string {
  const node = '/visual/pos_embed';
  const table = graph.weight('visual.pos_embed.weight', [positionSide! ** 2, width]);
  const taps = graph.input('position_taps', 'int64', [4, 'patches']);
  const shares = graph.input('position_weights', 'float32', [4, 'patches', 1]);
  const corners = graph.node(`${node}/Gather`, 'Gather', [table, taps], { attributes: { axis: 0n } });
  const weighted = graph.node(`${node}/Mul`, 'Mul', [corners, shares]);
  const cornerAxis = graph.constantInt64(`${node}/axis`, [0]);
  const positions = graph.node(`${node}/ReduceSum`, 'ReduceSum', [weighted, cornerAxis], {
    attributes: { keepdims: 1n },
  });
  const batch = toBatch(graph, node, patches, batchShape);
  const sum = graph.node(`${node}/Add`, 'Add', [batch, positions]);
  return flattened(graph, node, sum, width);
}

/**
 * The 2 × 2 patches of a cell as one row, through a merger: float32 [S / merge², D].
 *
 * @param normed whether the norm is over a patch, before four become one row, or over the row, after
 */
function mergePatches(
  graph: GraphBuilder,
  name: string,
  patches: string,
  { width, mergeSize, outWidth }: VisionConfig,
  normed: 'before' | 'after',
): string {
  const merged = width * mergeSize * mergeSize;
  const node = `/visual/${name}`;
  const tensor = `visual.${name}`;
  const norm = (x: string, side: number) => layerNorm(graph, `${node}/norm`, `${tensor}.norm`, x, side, eps);
  const join = (x: string) => reshape(graph, `${node}/Reshape`, x, [-1, merged]);
  const rows = normed === 'before' ? join(norm(patches, width)) : norm(join(patches), merged);
  const bias = { bias: true };
  const hidden = linear(graph, `${node}/fc1`, `${tensor}.linear_fc1`, rows, [merged, merged], bias);
  const activated = graph.node(`${node}/Gelu`, 'Gelu', [hidden], { domain: 'com.microsoft' });
  return linear(graph, `${node}/fc2`, `${tensor}.linear_fc2`, activated, [outWidth, merged], bias);
}
