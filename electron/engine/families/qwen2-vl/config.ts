import { z } from 'zod';
import { visionRopeFields, visionRopeTheta } from '../qwen-shared/config.ts';
import type { VisionConfig } from '../shared/model-config.ts';

const positive = z.int().positive();

/** Here `hidden_size` is the width of the output, and `embed_dim` that of the tower. */
export const visionSchema = z
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
    tileSide: null,
    windowSize: null,
    fullAttentionBlocks: [],
    positionSide: null,
    deepStackBlocks: [],
  }));
