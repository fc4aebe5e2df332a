/**
 * A model family that Fundus Lens does not know, by the steps of docs/add-a-family.md: no vision tower at all, the pixels of
 * each cell go through one linear layer into the decoder (as Fuyu does it), which is that of Qwen2.
 *
 *     node add-a-family.ts PHOTOGRAPH WORK_FOLDER MODEL_FOLDER
 *
 * WORK_FOLDER gets a checkpoint of the family: the decoder of MODEL_FOLDER, and random numbers for the new layer.
 */

import { openModel } from 'fundus-lens';
import {
  buildDecoder,
  canonicalTensorName,
  float32Tensor,
  GraphBuilder,
  linear,
  mropePositionIds,
  parseModelConfig,
  parseQwenImageProcessor,
  qwenImageTokens,
  registerFamily,
  reshape,
  type Family,
  type VisionConfig,
} from 'fundus-lens/families';
import { z } from 'zod';
import { writeToyCheckpoint } from './toy-checkpoint.ts';

const positive = z.int().positive();

// 1. Config: from the file's words to the program's. Nothing has a default.
const visionSchema = z
  .object({
    patch_size: positive,
    temporal_patch_size: positive,
    spatial_merge_size: positive,
    out_hidden_size: positive,
  })
  .transform((file): VisionConfig => ({
    numBlocks: 0,
    width: 3 * file.temporal_patch_size * file.patch_size ** 2,
    numHeads: 1,
    dMlp: 0,
    outWidth: file.out_hidden_size,
    patchSize: file.patch_size,
    temporalPatchSize: file.temporal_patch_size,
    mergeSize: file.spatial_merge_size,
    tileSide: null,
    windowSize: null,
    fullAttentionBlocks: [],
    ropeTheta: 10_000,
    positionSide: null,
    deepStackBlocks: [],
  }));

const toyVl: Family = {
  modelType: 'toy_vl',
  title: 'Toy VL',
  parseConfig: (json) => parseModelConfig(json, { title: 'Toy VL', visionSchema, decoder: 'qwen2' }),

  // 2. Vision: the patches of a cell lie one after the other, so a cell is a row.
  //
  //      pixel_values [B · S, P] ─► Reshape [B · S / merge², merge² · P] ─► linear ─► image_embeds
  buildVision({ vision: { width, mergeSize, outWidth } }, weights, target) {
    const graph = new GraphBuilder('vision', weights, target);
    const pixels = graph.input('pixel_values', 'float32', ['rows', width]);
    const cellWidth = width * mergeSize ** 2;
    const cells = reshape(graph, '/visual/Reshape', pixels, [-1, cellWidth]);
    const embeds = linear(graph, '/visual/proj', 'visual.proj', cells, [outWidth, cellWidth], { bias: true });
    graph.output('image_embeds', embeds, 'float32', ['image_tokens', outWidth]);
    return graph.build();
  },
  feedVision({ vision: { width } }, [, rows, columns], images) {
    const size = rows * columns * width;
    const pixels = new Float32Array(images.length * size);
    images.forEach((image, index) => pixels.set(image, index * size));
    return {
      feeds: { pixel_values: float32Tensor(pixels, [images.length * rows * columns, width]) },
      toImageOrder: (embeds) => embeds,
    };
  },

  // 3. to 6. The decoder, the prompt, positions, pixels and names are Qwen2-VL's.
  buildDecoder: ({ decoder }, weights, target, layers) => buildDecoder(decoder, weights, target, layers),
  imageTokens: qwenImageTokens,
  positionIds: mropePositionIds,
  parseImageProcessor: parseQwenImageProcessor,
  canonicalTensorName,
};

const [photograph, workFolder, modelFolder] = process.argv.slice(2);
if (photograph === undefined || workFolder === undefined || modelFolder === undefined)
  throw new Error('Usage: node add-a-family.ts PHOTOGRAPH WORK_FOLDER MODEL_FOLDER');

registerFamily(toyVl);
await writeToyCheckpoint(modelFolder, workFolder);
const model = await openModel(workFolder, { provider: 'cpu' });
try {
  // The gate has passed: the lens at the last layer equals the model's own logits.
  const trace = await model.trace(photograph, { positions: 'all', generate: 4, controls: false });
  const [start, end] = trace.prompt.imageSpan!;
  console.log(`${trace.model.family}: ${trace.model.numLayers} layers, ${end - start} image tokens`);
  console.log(`The largest difference at the last layer: ${trace.gate.maxAbsDiff.toExponential(1)}`);
} finally {
  await model.close();
}
