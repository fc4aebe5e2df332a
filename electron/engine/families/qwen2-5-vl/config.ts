import { z } from 'zod';
import { visionRopeFields, visionRopeTheta } from '../qwen-shared/config.ts';
import type { VisionConfig } from '../shared/model-config.ts';

const positive = z.int().positive();

export const visionSchema = z
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
    tileSide: null,
    windowSize: file.window_size,
    fullAttentionBlocks: file.fullatt_block_indexes,
    positionSide: null,
    deepStackBlocks: [],
  }));
