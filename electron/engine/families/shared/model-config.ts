import type { GraphTarget } from '../../graph/graph-target.ts';
import type { ImageGrid } from '../../image/image-processor.ts';

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
  /** The axis of the position that rotates each half-dimension; length headDim / 2. All zeros is plain RoPE. */
  readonly ropeAxes: readonly number[];
  readonly maxPositions: number;
  /** Whether the projections of queries, keys and values have a bias. */
  readonly attentionBias: boolean;
  /** Whether each head's query and key go through an RMSNorm before they are rotated. */
  readonly normedQueryKey: boolean;
  /** After each of this many first blocks, features of the vision tower are added at the image's positions; 0 for none. */
  readonly deepStackDepth: number;
  /** Token embeddings are multiplied by it; 1 where left out. */
  readonly embeddingScale?: number;
  /** Added to the stored gain of every RMSNorm; 0 where left out. */
  readonly gainOffset?: number;
  /** Whether attention and MLP go through an RMSNorm of their own before they are added to the stream. */
  readonly normedUpdates?: boolean;
  /** Of the MLP's gate; SiLU where left out. */
  readonly activation?: 'silu' | 'gelu';
  /** Scores are divided by its root; headDim where left out. */
  readonly queryScalar?: number;
  /** Linear scaling of positions: what rotates is divided by it. 1 where left out. */
  readonly ropeFactor?: number;
  /** Blocks that see a few positions only; left out where every block sees all. */
  readonly sliding?: SlidingBlocks;
  /** Whether the tokens of one piece of the image look at each other in both directions. */
  readonly imageSeesItself?: boolean;
}

/** Blocks whose positions see only themselves and the `window` − 1 before them, rotated by another base. */
export interface SlidingBlocks {
  readonly window: number;
  readonly ropeTheta: number;
  /** By block. */
  readonly layers: readonly boolean[];
}

/**
 * How a decoder's attention is computed: fused operators know no mask but the causal one, so what needs another is composed
 * on every provider.
 */
export function decoderAttentionKind(
  { sliding, imageSeesItself }: Pick<DecoderConfig, 'sliding' | 'imageSeesItself'>,
  wanted: GraphTarget['attention'],
): GraphTarget['attention'] {
  return sliding !== undefined || imageSeesItself === true ? 'composed' : wanted;
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
  /** Side of the tiles into which images are cut, patches; each is seen by itself. null where an image is seen as one. */
  readonly tileSide: number | null;
  /** Side of an attention window, pixels; null when every block attends to the whole image. */
  readonly windowSize: number | null;
  /** Blocks with attention over the whole image, when there are windows. */
  readonly fullAttentionBlocks: readonly number[];
  /** Of the two-dimensional rotary positions; null without them. */
  readonly ropeTheta: number | null;
  /** Side of the square of learned position embeddings, fitted to each image's grid; null without them. */
  readonly positionSide: number | null;
  /** Blocks, ascending, after which features are taken for the decoder's first blocks; see `deepStackDepth`. */
  readonly deepStackBlocks: readonly number[];
}

/**
 * Patches that the vision tower sees of an image: those of its grid, and where it is cut into several tiles the whole of it
 * once more as one tile.
 */
export function countPatches({ tileSide }: VisionConfig, [, rows, columns]: ImageGrid): number {
  const own = rows * columns;
  return tileSide === null || own <= tileSide ** 2 ? own : own + tileSide ** 2;
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

/**
 * Width of a row as the decoder takes it: the embedding, and after it what is added after each of the first blocks.
 *
 * ```
 *   [ D: input of block 0 | D: added after block 0 | … | D: added after block deepStackDepth − 1 ]
 * ```
 */
export function inputWidth({ dModel, deepStackDepth }: DecoderConfig): number {
  return dModel * (1 + deepStackDepth);
}
