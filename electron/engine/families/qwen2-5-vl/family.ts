import { qwenFamily } from '../qwen-shared/qwen-family.ts';
import { visionSchema } from './config.ts';
import { visionBlocks } from './vision.ts';

/** Qwen2.5-VL: RMSNorm, gated SiLU MLP with bias, and attention within windows in most vision blocks. */
export const qwen25Vl = qwenFamily({
  modelType: 'qwen2_5_vl',
  title: 'Qwen2.5-VL',
  visionSchema,
  visionBlocks,
});
