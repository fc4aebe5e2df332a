import { quickGeluMlp } from '../../graph/mlp.ts';
import { layerNorm } from '../../graph/norm.ts';
import type { VisionBlocks } from '../qwen-shared/vision.ts';

const eps = 1e-6;

export const visionBlocks: VisionBlocks = {
  norm: (graph, node, tensor, x, { width }) => layerNorm(graph, node, tensor, x, width, eps),
  mlp: (graph, node, tensor, x, { width, dMlp }) => quickGeluMlp(graph, node, tensor, x, [width, dMlp]),
};
