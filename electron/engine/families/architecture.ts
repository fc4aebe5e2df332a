import type { ModelConfig } from '../checkpoint/config.ts';
import type { GraphTarget } from '../graph/graph-target.ts';
import type { WeightProvider } from '../graph/weight-source.ts';

/** One model family: how its config reads and how its vision tower is built. The decoder is shared. */
export interface Architecture {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** As a person writes it. */
  readonly title: string;
  /** @throws FundusLensError `model.config-invalid` */
  parseConfig(json: Record<string, unknown>): ModelConfig;
  /** @returns the serialised ONNX graph; see `graph/vision.ts` for its inputs and outputs */
  buildVision(config: ModelConfig, weights: WeightProvider, target: GraphTarget): Uint8Array;
  /** @returns the serialised ONNX graph; see `graph/decoder.ts` for its inputs and outputs */
  buildDecoder(config: ModelConfig, weights: WeightProvider, target: GraphTarget): Uint8Array;
}
