/**
 * What a family of one's own is made of, as `fundus-lens/families`: the interface, the parts that the built-in families
 * share, and the operators of their graphs. docs/add-a-family.md is the guide; examples/add-a-family.ts follows it.
 */

export { GraphBuilder } from '../graph/graph-builder.ts';
export type { GraphTarget } from '../graph/graph-target.ts';
export { linear } from '../graph/linear.ts';
export { layerNorm, rmsNorm } from '../graph/norm.ts';
export { reshape, scaledDotProduct, transpose } from '../graph/reshape.ts';
export type { ImageGrid, ImageProcessor } from '../image/image-processor.ts';
export { float32Tensor, int64Tensor, type Tensors } from '../runtime/session.ts';
export type { WeightProvider } from '../weights/weight-source.ts';
export { parseModelConfig } from './qwen-shared/config.ts';
export { buildDecoder } from './shared/decoder.ts';
export { mropePositionIds } from './qwen-shared/positions.ts';
export { parseQwenImageProcessor } from './qwen-shared/preprocessing.ts';
export { qwenImageTokens } from './qwen-shared/prompt.ts';
export { qwenFamily } from './qwen-shared/qwen-family.ts';
export { canonicalTensorName } from './qwen-shared/tensor-names.ts';
export { registerFamily } from './registry.ts';
export type { Family, ImagePlace, ImageTokens, LayerRange, VisionPass } from './shared/family.ts';
export type { DecoderConfig, ModelConfig, VisionConfig } from './shared/model-config.ts';
