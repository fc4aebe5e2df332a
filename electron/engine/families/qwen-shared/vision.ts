import type { VisionConfig } from '../shared/model-config.ts';
import { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { linear } from '../../graph/linear.ts';
import { reshape } from '../../graph/reshape.ts';
import { visionAttention, type VisionWindows } from './vision-attention.ts';
import type { WeightProvider } from '../../weights/weight-source.ts';

/** What differs between the families' vision towers. */
export interface VisionBlocks {
  norm(graph: GraphBuilder, node: string, tensor: string, x: string, config: VisionConfig): string;
  mlp(graph: GraphBuilder, node: string, tensor: string, x: string, config: VisionConfig): string;
}

/**
 * A Qwen vision tower as a graph, from patches to merged image tokens.
 *
 * Inputs, of B images of equal grid one after the other: `pixel_values` float32 [B · S, 3 · temporal · patch²], rows in
 * window order, the 2 × 2 patches of a merged token contiguous; `batch_shape` int64 [3], B, S and the width; `cos`, `sin`
 * float32 [S, headDim / 2]; with windows also `window_slots` int64 [W · M], `slot_of_patch` int64 [B · S], `window_bias`
 * float32 [B · W, 1, M, M], `window_shape` int64 [3].
 * Output: `image_embeds` float32 [B · S / merge², D], in window order.
 *
 * ```
 *   patch_embed ─► blocks ─► norm ─► 2 × 2 rows as one ─► linear ─► GELU ─► linear
 * ```
 */
export function buildVisionTower(
  config: VisionConfig,
  weights: WeightProvider,
  blocks: VisionBlocks,
  target: GraphTarget,
): Uint8Array {
  const { numBlocks, width, numHeads, outWidth, patchSize, temporalPatchSize, windowSize } = config;
  const graph = new GraphBuilder('vision', weights, target);
  const patchWidth = 3 * temporalPatchSize * patchSize * patchSize;
  const pixels = graph.input('pixel_values', 'float32', ['rows', patchWidth]);
  const halfHead = width / numHeads / 2;
  const shared = {
    batchShape: graph.input('batch_shape', 'int64', [3]),
    cos: graph.input('cos', 'float32', ['patches', halfHead]),
    sin: graph.input('sin', 'float32', ['patches', halfHead]),
    firstPatch: graph.constantInt64('first_patch', [0]),
  };
  const windows: VisionWindows | null =
    windowSize === null
      ? null
      : {
          slots: graph.input('window_slots', 'int64', ['slots']),
          slotOfPatch: graph.input('slot_of_patch', 'int64', ['rows']),
          bias: graph.input('window_bias', 'float32', ['windows', 1, 'window_patches', 'window_patches']),
          shape: graph.input('window_shape', 'int64', [3]),
        };

  let x = linear(graph, '/visual/patch_embed', 'visual.patch_embed.proj', pixels, [width, patchWidth], {
    bias: false,
    flatten: true,
  });
  for (let block = 0; block < numBlocks; block++) {
    const node = `/visual/blocks.${block}`;
    const tensor = `visual.blocks.${block}`;
    const whole = windows === null || config.fullAttentionBlocks.includes(block);
    const normed = blocks.norm(graph, `${node}/norm1`, `${tensor}.norm1`, x, config);
    const attended = visionAttention(
      graph,
      `${node}/attn`,
      `${tensor}.attn`,
      normed,
      config,
      { ...shared, windows: whole ? null : windows },
      target,
    );
    x = graph.node(`${node}/attn/Add`, 'Add', [x, attended]);
    const renormed = blocks.norm(graph, `${node}/norm2`, `${tensor}.norm2`, x, config);
    const update = blocks.mlp(graph, `${node}/mlp`, `${tensor}.mlp`, renormed, config);
    x = graph.node(`${node}/mlp/Add`, 'Add', [x, update]);
  }
  graph.output('image_embeds', mergePatches(graph, x, config, blocks), 'float32', ['image_tokens', outWidth]);
  return graph.build();
}

/** The 2 × 2 patches of a cell as one row, through the merger: float32 [S / merge², D]. */
function mergePatches(
  graph: GraphBuilder,
  patches: string,
  config: VisionConfig,
  blocks: VisionBlocks,
): string {
  const { width, mergeSize, outWidth } = config;
  const merged = width * mergeSize * mergeSize;
  const normed = blocks.norm(graph, '/visual/merger/ln_q', 'visual.merger.ln_q', patches, config);
  const rows = reshape(graph, '/visual/merger/Reshape', normed, [-1, merged]);
  const hidden = linear(graph, '/visual/merger/mlp.0', 'visual.merger.mlp.0', rows, [merged, merged], {
    bias: true,
  });
  const activated = graph.node('/visual/merger/Gelu', 'Gelu', [hidden], { domain: 'com.microsoft' });
  return linear(graph, '/visual/merger/mlp.2', 'visual.merger.mlp.2', activated, [outWidth, merged], {
    bias: true,
  });
}
