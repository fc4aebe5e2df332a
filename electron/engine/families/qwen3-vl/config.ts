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
    hidden_act: z.literal('gelu_pytorch_tanh'),
    in_channels: z.literal(3).optional(),
    patch_size: positive,
    spatial_merge_size: positive,
    temporal_patch_size: positive,
    num_position_embeddings: positive.refine((count) => Number.isInteger(Math.sqrt(count)), {
      error: 'must be a square number: the positions are those of a square',
    }),
    deepstack_visual_indexes: z
      .array(z.int().nonnegative())
      .refine((blocks) => blocks.every((block, index) => index === 0 || block > blocks[index - 1]!), {
        error: 'must be ascending',
      }),
  })
  .refine(({ depth, deepstack_visual_indexes: blocks }) => blocks.every((block) => block < depth), {
    error: 'deepstack_visual_indexes must be blocks of the tower, 0 … depth − 1',
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
    windowSize: null,
    fullAttentionBlocks: [],
    positionSide: Math.sqrt(file.num_position_embeddings),
    deepStackBlocks: file.deepstack_visual_indexes,
  }));
