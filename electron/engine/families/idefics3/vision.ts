import type { VisionConfig } from '../shared/model-config.ts';
import { attendPatches } from '../shared/patch-attention.ts';
import { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { linear } from '../../graph/linear.ts';
import { tanhGeluMlp } from '../../graph/mlp.ts';
import { layerNorm } from '../../graph/norm.ts';
import { flattened, reshape, toBatch } from '../../graph/reshape.ts';
import type { WeightProvider } from '../../weights/weight-source.ts';

const eps = 1e-6;

/**
 * The vision tower as a graph, from the patches of tiles to image tokens.
 *
 * Inputs, of B tiles one after the other: `pixel_values` float32 [B · S, 3 · patch²], the patches of a token contiguous;
 * `batch_shape` int64 [3], B, S and the width; `position_ids` int64 [S], the learned position of each patch.
 * Output: `image_embeds` float32 [B · S / merge², D].
 *
 * ```
 *   patch_embed ─(+ positions)─► block 0 ─► … ─► block n ─► norm ─► merge² rows as one ─► linear ─► image_embeds
 *   block:  x ─ norm ─ attention over the tile ─(+)─ norm ─ mlp ─(+)─►
 * ```
 *
 * With a token's patches contiguous, row by row inside it, the pixel shuffle of the connector is a reshape.
 */
export function buildVisionTower(
  config: VisionConfig,
  weights: WeightProvider,
  target: GraphTarget,
): Uint8Array {
  const { numBlocks, width, dMlp, outWidth, patchSize, mergeSize } = config;
  const graph = new GraphBuilder('vision', weights, target);
  const patchWidth = 3 * patchSize ** 2;
  const pixels = graph.input('pixel_values', 'float32', ['rows', patchWidth]);
  const batchShape = graph.input('batch_shape', 'int64', [3]);
  const patches = linear(
    graph,
    '/visual/patch_embed',
    'visual.patch_embed.proj',
    pixels,
    [width, patchWidth],
    { bias: true, flatten: true },
  );
  let x = addPositions(graph, patches, batchShape, config);
  for (let block = 0; block < numBlocks; block++) {
    const node = `/visual/blocks.${block}`;
    const tensor = `visual.blocks.${block}`;
    const normed = layerNorm(graph, `${node}/layer_norm1`, `${tensor}.layer_norm1`, x, width, eps);
    const attended = attention(
      graph,
      `${node}/attn`,
      `${tensor}.self_attn`,
      normed,
      config,
      batchShape,
      target,
    );
    x = graph.node(`${node}/attn/Add`, 'Add', [x, attended]);
    const renormed = layerNorm(graph, `${node}/layer_norm2`, `${tensor}.layer_norm2`, x, width, eps);
    const mlp = [`${tensor}.mlp.fc1`, `${tensor}.mlp.fc2`] as const;
    const update = tanhGeluMlp(graph, `${node}/mlp`, mlp, renormed, [width, dMlp]);
    x = graph.node(`${node}/mlp/Add`, 'Add', [x, update]);
  }
  const normed = layerNorm(graph, '/visual/post_layernorm', 'visual.post_layernorm', x, width, eps);
  const merged = width * mergeSize ** 2;
  const rows = reshape(graph, '/visual/merger/Reshape', normed, [-1, merged]);
  const embeds = linear(graph, '/visual/merger', 'visual.merger', rows, [outWidth, merged], { bias: false });
  graph.output('image_embeds', embeds, 'float32', ['image_tokens', outWidth]);
  return graph.build();
}

/** Adds to every patch its learned position, the same in every tile: float32 [B · S, C]. */
function addPositions(
  graph: GraphBuilder,
  patches: string,
  batchShape: string,
  { width, positionSide }: VisionConfig,
): string {
  const node = '/visual/pos_embed';
  const table = graph.weight('visual.pos_embed.weight', [positionSide! ** 2, width]);
  const ids = graph.input('position_ids', 'int64', ['patches']);
  const positions = graph.node(`${node}/Gather`, 'Gather', [table, ids], { attributes: { axis: 0n } });
  const batch = toBatch(graph, node, patches, batchShape);
  return flattened(graph, node, graph.node(`${node}/Add`, 'Add', [batch, positions]), width);
}

/** Every patch looks at all of its tile: float32 [B · S, C]. */
function attention(
  graph: GraphBuilder,
  node: string,
  tensor: string,
  x: string,
  config: VisionConfig,
  batchShape: string,
  target: GraphTarget,
): string {
  const { width } = config;
  const project = (name: string) => {
    const rows = linear(graph, `${node}/${name}`, `${tensor}.${name}`, x, [width, width], { bias: true });
    return toBatch(graph, `${node}/${name}`, rows, batchShape);
  };
  const qkv = [project('q_proj'), project('k_proj'), project('v_proj')] as const;
  const rows = attendPatches(graph, node, qkv, config, null, target);
  return linear(graph, `${node}/out_proj`, `${tensor}.out_proj`, rows, [width, width], { bias: true });
}
