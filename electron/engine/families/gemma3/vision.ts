import type { VisionConfig } from '../shared/model-config.ts';
import { siglipTower } from '../shared/siglip.ts';
import { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { rmsNorm } from '../../graph/norm.ts';
import { reshape } from '../../graph/reshape.ts';
import type { WeightProvider } from '../../weights/weight-source.ts';

const eps = 1e-6;

/**
 * The vision tower as a graph, from the patches of images to image tokens.
 *
 * Inputs: those of {@link siglipTower}. Output: `image_embeds` float32 [B · S / merge², D].
 *
 * ```
 *   SigLIP ─► mean of merge² rows ─► RMSNorm ─► projection, stored [C, D] ─► image_embeds
 * ```
 */
export function buildVisionTower(
  config: VisionConfig,
  weights: WeightProvider,
  target: GraphTarget,
): Uint8Array {
  const { width, outWidth, mergeSize } = config;
  const graph = new GraphBuilder('vision', weights, target);
  const rows = siglipTower(graph, config, target);
  const cells = reshape(graph, '/visual/pool/Reshape', rows, [-1, mergeSize ** 2, width]);
  const patchAxis = graph.constantInt64('/visual/pool/axis', [1]);
  const pooled = graph.node('/visual/pool/ReduceMean', 'ReduceMean', [cells, patchAxis], {
    attributes: { keepdims: 0n },
  });
  const normed = rmsNorm(graph, '/visual/soft_emb_norm', 'visual.soft_emb_norm', pooled, width, eps, 1);
  const projection = graph.weight('visual.projection.weight', [width, outWidth]);
  const embeds = graph.node('/visual/projection/MatMul', 'MatMul', [normed, projection]);
  graph.output('image_embeds', embeds, 'float32', ['image_tokens', outWidth]);
  return graph.build();
}
