import { readRows } from './checkpoint/tensor-reader.ts';
import { buildMropeTable, buildPositionIds, type RotationTable } from './graph/mrope.ts';
import type { Model } from './model.ts';
import type { ComposedPrompt } from './prompt.ts';
import {
  float32Data,
  float32Tensor,
  int32Tensor,
  int64Tensor,
  type Tensor,
  type Tensors,
} from './runtime/session.ts';

/** A score that softmax turns into exactly 0 in float32, and that stays finite. */
const hidden = -1e30;

/** What one pass of the decoder gives. */
export interface DecoderPass {
  /** By layer 0…L, float32 [rows read, D], before the final norm; layer 0 is the input to block 0. */
  readonly residual: readonly Float32Array[];
  /** float32 [D]: the last position after the decoder's own final norm. */
  readonly finalState: Float32Array;
}

/** One sequence through the decoder: the prompt in one pass, then token by token with a KV cache. */
export class DecoderRun {
  readonly positionIds: readonly [Int32Array, Int32Array, Int32Array];
  readonly #model: Model;
  readonly #rotation: RotationTable;
  readonly #keepCache: boolean;
  #cache: Tensors;
  #length = 0;

  /**
   * @param maxLength positions of prompt and generation together
   * @param keepCache false when nothing will follow the prompt
   */
  constructor(model: Model, prompt: ComposedPrompt, maxLength: number, keepCache: boolean) {
    const { decoder } = model.checkpoint.config;
    this.#model = model;
    this.#keepCache = keepCache;
    this.positionIds = buildPositionIds(maxLength, prompt.imageSpan, prompt.cells);
    this.#rotation = buildMropeTable(this.positionIds, decoder);
    const empty = () => float32Tensor(new Float32Array(0), [1, decoder.numKeyValueHeads, 0, decoder.headDim]);
    this.#cache = Object.fromEntries(cacheNames(decoder.numLayers).map((name) => [name, empty()]));
  }

  /**
   * Continues the sequence.
   *
   * @param embeds float32 [S, D]
   * @param rows which of the S rows to read, 0…S−1
   */
  async pass(embeds: Float32Array, rows: readonly number[]): Promise<DecoderPass> {
    const { numLayers, dModel } = this.#model.checkpoint.config.decoder;
    const sequence = embeds.length / dModel;
    this.#length += sequence;
    const { halfDim } = this.#rotation;
    const table = (values: Float32Array) =>
      float32Tensor(values.subarray(0, this.#length * halfDim), [this.#length, halfDim]);
    const feeds: Record<string, Tensor> = {
      ...this.#cache,
      embeds: float32Tensor(embeds, [sequence, dModel]),
      rows: int64Tensor(BigInt64Array.from(rows, BigInt), [rows.length]),
      cos: table(this.#rotation.cos),
      sin: table(this.#rotation.sin),
      ...this.#attentionFeeds(sequence),
    };
    const layers = Array.from({ length: numLayers }, (_, layer) => `residual.${layer + 1}`);
    const caches = this.#keepCache ? cacheNames(numLayers) : [];
    const outputs = await this.#model.decoder.run(feeds, [
      ...layers,
      'final_state',
      ...caches.map(presentName),
    ]);
    this.#cache = Object.fromEntries(caches.map((name) => [name, outputs[presentName(name)]!]));
    return {
      residual: [selectRows(embeds, rows, dModel), ...layers.map((name) => float32Data(outputs[name]))],
      finalState: float32Data(outputs['final_state']),
    };
  }

  #attentionFeeds(sequence: number): Tensors {
    if (this.#model.provider.fusedAttention) {
      return {
        last_position: int32Tensor(Int32Array.of(this.#length - 1), [1]),
        total_length: int32Tensor(Int32Array.of(this.#length), []),
      };
    }
    const past = this.#length - sequence;
    const bias = new Float32Array(sequence * this.#length);
    for (let row = 0; row < sequence; row++) {
      bias.fill(hidden, row * this.#length + past + row + 1, (row + 1) * this.#length);
    }
    return {
      past_length: int64Tensor(BigInt64Array.of(BigInt(past)), [1]),
      causal_bias: float32Tensor(bias, [sequence, this.#length]),
    };
  }
}

/**
 * The prompt's token embeddings, float32 [T, D], with the image's rows in the place of its placeholders.
 *
 * @param imageEmbeds float32 [cells, D], or null without an image
 */
export function embedPrompt(
  model: Pick<Model, 'checkpoint'>,
  prompt: ComposedPrompt,
  imageEmbeds: Float32Array | null,
): Float32Array {
  const { embedding, config } = model.checkpoint;
  const { dModel } = config.decoder;
  const embeds = new Float32Array(prompt.tokenIds.length * dModel);
  const [start, end] = prompt.imageSpan ?? [0, 0];
  embeds.set(readRows(embedding, prompt.tokenIds.slice(0, start)), 0);
  if (imageEmbeds !== null) embeds.set(imageEmbeds, start * dModel);
  embeds.set(readRows(embedding, prompt.tokenIds.slice(end)), end * dModel);
  return embeds;
}

function selectRows(matrix: Float32Array, rows: readonly number[], width: number): Float32Array {
  const selected = new Float32Array(rows.length * width);
  rows.forEach((row, index) => selected.set(matrix.subarray(row * width, (row + 1) * width), index * width));
  return selected;
}

function cacheNames(numLayers: number): string[] {
  return Array.from({ length: numLayers }, (_, layer) => [`past.${layer}.key`, `past.${layer}.value`]).flat();
}

function presentName(pastName: string): string {
  return pastName.replace('past', 'present');
}
