/** Decoder hyperparameters, in this program's words rather than the file's. */
export interface DecoderConfig {
  readonly numLayers: number;
  readonly dModel: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly dMlp: number;
  /** Rows of the embedding and of the unembedding; may exceed the tokenizer. */
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** Half-dimensions rotated by each axis of the position; their sum is headDim / 2. One axis is plain RoPE. */
  readonly ropeSections: readonly number[];
  readonly maxPositions: number;
}

/** Vision tower hyperparameters. */
export interface VisionConfig {
  readonly numBlocks: number;
  readonly width: number;
  readonly numHeads: number;
  readonly dMlp: number;
  /** Width of the merged image tokens; equals the decoder's dModel. */
  readonly outWidth: number;
  readonly patchSize: number;
  readonly temporalPatchSize: number;
  readonly mergeSize: number;
  /** Side of an attention window, pixels; null when every block attends to the whole image. */
  readonly windowSize: number | null;
  /** Blocks with attention over the whole image, when there are windows. */
  readonly fullAttentionBlocks: readonly number[];
}

export interface ModelConfig {
  readonly modelType: string;
  readonly decoder: DecoderConfig;
  readonly vision: VisionConfig;
  /** null when the file does not say; then the presence of an unembedding tensor decides. */
  readonly tiedUnembedding: boolean | null;
  /** Placeholder of the image in the rendered prompt. */
  readonly imageTokenId: number;
}
