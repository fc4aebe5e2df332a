import type { GraphTarget } from '../../graph/graph-target.ts';
import type { ImageGrid, ImageProcessor } from '../../image/image-processor.ts';
import type { ImagePiece } from '../../lens-trace/lens-trace.ts';
import type { Tensors } from '../../runtime/session.ts';
import type { WeightProvider } from '../../weights/weight-source.ts';
import type { ModelConfig } from './model-config.ts';

/** Decoder blocks start … end − 1. */
export interface LayerRange {
  readonly start: number;
  readonly end: number;
}

/** The tokens that stand for an image in the prompt, with what is written between its pieces. */
export interface ImageTokens {
  readonly tokenIds: readonly number[];
  /** [rows, columns] of merged cells over the photograph. */
  readonly cells: readonly [number, number];
  /** Where among `tokenIds` the image's own are: one piece, or one for each tile, in the order of `image_embeds`. */
  readonly pieces: readonly ImagePiece[];
}

/** Where the image is in a prompt, if there is one. */
export interface ImagePlace {
  /** [start, end) from the first image token to the last; null without an image. */
  readonly imageSpan: [number, number] | null;
  /** The image's tokens between them, piece by piece; none without an image. */
  readonly imagePieces: ImagePiece[];
  /** [rows, columns] of merged cells over the photograph; [0, 0] without an image. */
  readonly cells: readonly [number, number];
}

/** Images of one grid as the vision graph takes them. */
export interface VisionPass {
  /** Every input of the vision graph. */
  readonly feeds: Tensors;
  /** One image's rows of `image_embeds`, in the order of its tokens in the prompt: row by row, tile by tile. */
  readonly toImageOrder: (embeds: Float32Array) => Float32Array;
}

/** One model family: everything about its models that is not the same for all. See docs/add-a-family.md. */
export interface Family {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** Name for display. */
  readonly title: string;
  /** @throws FundusLensError `model.config-invalid` */
  parseConfig(json: Record<string, unknown>): ModelConfig;
  /**
   * @param json preprocessor_config.json; undefined when there is no such file or it is not JSON
   * @param config for what that file leaves to the model
   * @throws ZodError naming the fields that are missing or have a wrong value
   */
  parseImageProcessor(json: unknown, config: ModelConfig): ImageProcessor;
  /** The name that graphs ask for a tensor by: `visual.*`, `model.*`, `lm_head.weight`. */
  canonicalTensorName(nameInFile: string): string;
  /** @returns the serialised ONNX graph, with the output `image_embeds` float32 [B · image tokens, inputWidth] */
  buildVision(config: ModelConfig, weights: WeightProvider, target: GraphTarget): Uint8Array;
  /** @param pixelValues by image, or by tile where images are cut into tiles: float32 [patches, channels · temporal · patch²] */
  feedVision(config: ModelConfig, grid: ImageGrid, pixelValues: readonly Float32Array[]): VisionPass;
  /**
   * @param layers all blocks when left out
   * @returns the serialised ONNX graph; see `shared/decoder.ts` for the inputs and outputs it must have
   */
  buildDecoder(
    config: ModelConfig,
    weights: WeightProvider,
    target: GraphTarget,
    layers?: LayerRange,
  ): Uint8Array;
  /**
   * The rendered prompt with what the family writes around its image, before the text becomes tokens; it must hold the
   * placeholder once where it held the image. Left out where the template says everything.
   */
  surroundImage?(rendered: string): string;
  /**
   * The tokens that take the place of the one placeholder in the rendered prompt.
   *
   * @param encode turns what is written between the image's tokens into ids
   */
  imageTokens(config: ModelConfig, grid: ImageGrid, encode: (text: string) => number[]): ImageTokens;
  /**
   * Positions for rotary embedding.
   *
   * @param length prompt and generated tokens
   * @returns by axis that `ropeAxes` names, int32 [length]
   */
  positionIds(length: number, place: ImagePlace): readonly Int32Array[];
}
