import { gatedMlp } from '../../graph/mlp.ts';
import { rmsNorm } from '../../graph/norm.ts';
import type { VisionBlocks } from '../qwen-shared/vision.ts';

const eps = 1e-6;

export const visionBlocks: VisionBlocks = {
  norm: (graph, node, tensor, x, { width }) => rmsNorm(graph, node, tensor, x, width, eps),
  mlp: (graph, node, tensor, x, { width, dMlp }) =>
    gatedMlp(graph, node, tensor, x, [width, dMlp], { bias: true }),
};
