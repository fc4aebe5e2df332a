import { z } from 'zod';
import {
  parseModelConfig,
  visionRopeFields,
  visionRopeTheta,
  type VisionConfig,
} from '../checkpoint/config.ts';
import { buildDecoder } from '../graph/decoder.ts';
import { gatedMlp } from '../graph/mlp.ts';
import { rmsNorm } from '../graph/norm.ts';
import { buildVisionTower, type VisionBlocks } from '../graph/vision.ts';
import type { Architecture } from './architecture.ts';

const eps = 1e-6;
const positive = z.int().positive();

const visionSchema = z
  .object({
    ...visionRopeFields,
    depth: positive,
    hidden_size: positive,
    intermediate_size: positive,
    out_hidden_size: positive,
    num_heads: positive,
    hidden_act: z.literal('silu'),
    patch_size: positive,
    spatial_merge_size: positive,
    temporal_patch_size: positive,
    window_size: positive,
    fullatt_block_indexes: z.array(z.int().nonnegative()),
  })
  .transform((file): VisionConfig => ({
    ropeTheta: visionRopeTheta(file),
    numBlocks: file.depth,
    width: file.hidden_size,
    numHeads: file.num_heads,
    dMlp: file.intermediate_size,
    outWidth: file.out_hidden_size,
    patchSize: file.patch_size,
    temporalPatchSize: file.temporal_patch_size,
    mergeSize: file.spatial_merge_size,
    windowSize: file.window_size,
    fullAttentionBlocks: file.fullatt_block_indexes,
  }));

const blocks: VisionBlocks = {
  norm: (graph, node, tensor, x, { width }) => rmsNorm(graph, node, tensor, x, width, eps),
  mlp: (graph, node, tensor, x, { width, dMlp }) =>
    gatedMlp(graph, node, tensor, x, [width, dMlp], { bias: true }),
};

/** Qwen2.5-VL: RMSNorm, gated SiLU MLP with bias, and attention within windows in most vision blocks. */
export const qwen25Vl: Architecture = {
  modelType: 'qwen2_5_vl',
  title: 'Qwen2.5-VL',
  parseConfig: (json) => parseModelConfig(json, visionSchema),
  buildDecoder: (config, weights, target) => buildDecoder(config.decoder, weights, target),
  buildVision: (config, weights, target) => buildVisionTower(config.vision, weights, blocks, target),
};
