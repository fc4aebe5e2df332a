import { z } from 'zod';
import {
  parseModelConfig,
  visionRopeFields,
  visionRopeTheta,
  type VisionConfig,
} from '../checkpoint/config.ts';
import { buildDecoder } from '../graph/decoder.ts';
import { quickGeluMlp } from '../graph/mlp.ts';
import { layerNorm } from '../graph/norm.ts';
import { buildVisionTower, type VisionBlocks } from '../graph/vision.ts';
import type { Architecture } from './architecture.ts';

const eps = 1e-6;
const positive = z.int().positive();

/** Here `hidden_size` is the width of the output, and `embed_dim` that of the tower. */
const visionSchema = z
  .object({
    ...visionRopeFields,
    depth: positive,
    embed_dim: positive,
    hidden_size: positive,
    mlp_ratio: z.number().positive(),
    num_heads: positive,
    hidden_act: z.literal('quick_gelu').optional(),
    patch_size: positive,
    spatial_merge_size: positive,
    temporal_patch_size: positive,
  })
  .transform((file): VisionConfig => ({
    ropeTheta: visionRopeTheta(file),
    numBlocks: file.depth,
    width: file.embed_dim,
    numHeads: file.num_heads,
    dMlp: Math.floor(file.embed_dim * file.mlp_ratio),
    outWidth: file.hidden_size,
    patchSize: file.patch_size,
    temporalPatchSize: file.temporal_patch_size,
    mergeSize: file.spatial_merge_size,
    windowSize: null,
    fullAttentionBlocks: [],
  }));

const blocks: VisionBlocks = {
  norm: (graph, node, tensor, x, { width }) => layerNorm(graph, node, tensor, x, width, eps),
  mlp: (graph, node, tensor, x, { width, dMlp }) => quickGeluMlp(graph, node, tensor, x, [width, dMlp]),
};

/** Qwen2-VL: LayerNorm, quick-GELU MLP and attention over the whole image in every vision block. */
export const qwen2Vl: Architecture = {
  modelType: 'qwen2_vl',
  title: 'Qwen2-VL',
  parseConfig: (json) => parseModelConfig(json, visionSchema),
  buildDecoder: (config, weights, target) => buildDecoder(config.decoder, weights, target),
  buildVision: (config, weights, target) => buildVisionTower(config.vision, weights, blocks, target),
};
