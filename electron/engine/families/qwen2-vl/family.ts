import { qwenFamily } from '../qwen-shared/qwen-family.ts';
import { visionSchema } from './config.ts';
import { visionBlocks } from './vision.ts';

/** Qwen2-VL: LayerNorm, quick-GELU MLP and attention over the whole image in every vision block. */
export const qwen2Vl = qwenFamily({
  modelType: 'qwen2_vl',
  title: 'Qwen2-VL',
  visionSchema,
  visionBlocks,
});
