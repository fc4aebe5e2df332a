import type { VisionConfig } from '../shared/model-config.ts';
import { siglipTower } from '../shared/siglip.ts';
import { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { linear } from '../../graph/linear.ts';
import { reshape } from '../../graph/reshape.ts';
import type { WeightProvider } from '../../weights/weight-source.ts';

/**
 * The vision tower as a graph, from the patches of tiles to image tokens.
 *
 * Inputs: those of {@link siglipTower}, an image being a tile. Output: `image_embeds` float32 [B · S / merge², D].
 *
 * ```
 *   SigLIP ─► merge² rows as one ─► linear ─► image_embeds
 * ```
 *
 * With a token's patches contiguous, row by row inside it, the pixel shuffle of the connector is a reshape.
 */
export function buildVisionTower(
  config: VisionConfig,
  weights: WeightProvider,
  target: GraphTarget,
): Uint8Array {
  const { width, outWidth, mergeSize } = config;
  const graph = new GraphBuilder('vision', weights, target);
  const merged = width * mergeSize ** 2;
  const rows = reshape(graph, '/visual/merger/Reshape', siglipTower(graph, config, target), [-1, merged]);
  const embeds = linear(graph, '/visual/merger', 'visual.merger', rows, [outWidth, merged], { bias: false });
  graph.output('image_embeds', embeds, 'float32', ['image_tokens', outWidth]);
  return graph.build();
}
