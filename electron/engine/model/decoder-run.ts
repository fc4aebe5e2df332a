import { inputWidth, type DecoderConfig } from '../families/shared/model-config.ts';
import { embedTokens } from './embed-tokens.ts';
import type { Model } from './model.ts';
import type { ImagePlace } from '../families/shared/family.ts';
import type { ComposedPrompt } from './compose-prompt.ts';
import { PositionFeeds } from './position-feeds.ts';
import { float32Data, float32Tensor, int64Tensor, type Tensor, type Tensors } from '../runtime/session.ts';

/** What one pass of the decoder gives. */
export interface DecoderPass {
  /** By layer 0…L, float32 [rows read, D], before the final norm; layer 0 is the input to block 0. */
  readonly residual: readonly Float32Array[];
  /** float32 [D]: the last position after the decoder's own final norm. */
  readonly finalState: Float32Array;
}

/** Keys and values of the first positions of a sequence, by the names that the decoder takes them under. */
export interface KeyValueCache {
  /** Positions. */
  readonly length: number;
  /** `past.{l}.key|value` float32 [1, G, length, H] */
  readonly tensors: Tensors;
}

export interface RunOptions {
  /** Positions of prompt and generation together. */
  readonly maxLength: number;
  /** False when nothing will follow the next pass. */
  readonly keepCache: boolean;
  /** Where the sequence goes on; left out, it begins. */
  readonly after?: KeyValueCache;
  /** Sequences of equal length at equal positions, side by side; 1. */
  readonly batch?: number;
  /** Blocks of the model's decoder, when it was limited; see `LoadedModel.limitDepth`. */
  readonly depth?: number;
}

/** One sequence through the decoder, or several side by side: pass by pass with a KV cache. */
export class DecoderRun {
  /** By axis, int32 [maxLength]. */
  readonly positionIds: readonly Int32Array[];
  readonly #model: Model;
  readonly #positions: PositionFeeds;
  readonly #keepCache: boolean;
  readonly #batch: number;
  /** Blocks. */
  readonly #depth: number;
  #cache: Tensors;
  #length: number;

  constructor(
    model: Model,
    place: ImagePlace,
    { maxLength, keepCache, after, batch = 1, depth }: RunOptions,
  ) {
    const { decoder } = model.checkpoint.config;
    const attention = model.provider.fusedAttention ? 'fused' : 'composed';
    this.#model = model;
    this.#keepCache = keepCache;
    this.#batch = batch;
    this.#depth = depth ?? decoder.numLayers;
    this.#positions = new PositionFeeds(model.checkpoint, place, maxLength, attention);
    this.positionIds = this.#positions.positionIds;
    this.#cache = after?.tensors ?? emptyCache(decoder, this.#depth, batch);
    this.#length = after?.length ?? 0;
  }

  /**
   * Continues one sequence.
   *
   * @param embeds float32 [S, inputWidth]
   * @param rows which of the S rows to read, 0…S−1
   */
  async pass(embeds: Float32Array, rows: readonly number[]): Promise<DecoderPass> {
    const outputs = await this.#run(embeds, rows, [...this.#streams(rows), 'final_state']);
    return {
      residual: this.#residual(embeds, rows, outputs),
      finalState: float32Data(outputs['final_state']),
    };
  }

  /**
   * Continues all sequences without asking what follows.
   *
   * @param embeds float32 [B · S, inputWidth]
   * @param rows which of the B · S rows to read; may be none
   * @returns by layer 0…L, float32 [rows read, D]
   */
  async fill(embeds: Float32Array, rows: readonly number[]): Promise<readonly Float32Array[]> {
    return this.#residual(embeds, rows, await this.#run(embeds, rows, this.#streams(rows)));
  }

  /**
   * Continues all sequences and reads only some layers.
   *
   * @param layers 1…depth
   * @returns in the order of `layers`, float32 [rows read, D]
   */
  async readLayers(
    embeds: Float32Array,
    rows: readonly number[],
    layers: readonly number[],
  ): Promise<readonly Float32Array[]> {
    const names = layers.map((layer) => `residual.${layer}`);
    const outputs = await this.#run(embeds, rows, names);
    return names.map((name) => float32Data(outputs[name]));
  }

  /** The KV cache of each sequence; only of a run that keeps it. */
  caches(): KeyValueCache[] {
    const length = this.#length;
    if (this.#batch === 1) return [{ length, tensors: this.#cache }];
    return Array.from({ length: this.#batch }, (_, sequence) => ({
      length,
      tensors: Object.fromEntries(
        Object.entries(this.#cache).map(([name, tensor]) => [name, this.#sliceOf(tensor, sequence)]),
      ),
    }));
  }

  /** Outputs of the residual stream after every block. An output of no rows is not asked for. */
  #streams(rows: readonly number[]): string[] {
    return rows.length === 0
      ? []
      : Array.from({ length: this.#depth }, (_, layer) => `residual.${layer + 1}`);
  }

  /** By layer 0…depth, float32 [rows read, D]. */
  #residual(embeds: Float32Array, rows: readonly number[], outputs: Tensors): Float32Array[] {
    const { decoder } = this.#model.checkpoint.config;
    const streams = this.#streams(rows).map((name) => float32Data(outputs[name]));
    const none = Array.from({ length: this.#depth }, () => new Float32Array(0));
    return [selectRows(embeds, rows, decoder), ...(rows.length === 0 ? none : streams)];
  }

  async #run(embeds: Float32Array, rows: readonly number[], fetches: readonly string[]): Promise<Tensors> {
    const { decoder } = this.#model.checkpoint.config;
    const width = inputWidth(decoder);
    const sequence = embeds.length / width / this.#batch;
    this.#length += sequence;
    const selected = rows.length > 0 ? rows : [0];
    const feeds: Record<string, Tensor> = {
      ...this.#cache,
      ...this.#positions.of({ batch: this.#batch, length: this.#length, sequence }),
      embeds: float32Tensor(embeds, [this.#batch * sequence, width]),
      rows: int64Tensor(BigInt64Array.from(selected, BigInt), [selected.length]),
    };
    const caches = this.#keepCache ? cacheNames(this.#depth) : [];
    const outputs = await this.#model.decoder.run(feeds, [...fetches, ...caches.map(presentName)]);
    this.#cache = Object.fromEntries(caches.map((name) => [name, outputs[presentName(name)]!]));
    return outputs;
  }

  /** A copy, so that one sequence's cache does not hold the others' in memory. */
  #sliceOf(tensor: Tensor, sequence: number): Tensor {
    const data = float32Data(tensor);
    const size = data.length / this.#batch;
    return float32Tensor(data.slice(sequence * size, (sequence + 1) * size), [1, ...tensor.dims.slice(1)]);
  }
}

/**
 * The prompt's token embeddings, float32 [T, inputWidth], with the image's rows in the places of its tokens.
 *
 * @param imageEmbeds float32 [image tokens, inputWidth], or null without an image
 */
export function embedPrompt(
  model: Pick<Model, 'checkpoint'>,
  prompt: Pick<ComposedPrompt, 'tokenIds' | 'imagePieces'>,
  imageEmbeds: Float32Array | null,
): Float32Array {
  const { checkpoint } = model;
  const width = inputWidth(checkpoint.config.decoder);
  const embeds = new Float32Array(prompt.tokenIds.length * width);
  const embedText = (start: number, end?: number) =>
    embeds.set(embedTokens(checkpoint, prompt.tokenIds.slice(start, end)), start * width);
  let textStart = 0;
  let imageRow = 0;
  for (const { span } of prompt.imagePieces) {
    const [start, end] = span;
    embedText(textStart, start);
    const rows = end - start;
    if (imageEmbeds !== null)
      embeds.set(imageEmbeds.subarray(imageRow * width, (imageRow + rows) * width), start * width);
    imageRow += rows;
    textStart = end;
  }
  embedText(textStart);
  return embeds;
}

/** Of single rows, what goes into block 0: float32 [rows, D]. */
function selectRows(embeds: Float32Array, rows: readonly number[], decoder: DecoderConfig): Float32Array {
  const { dModel } = decoder;
  const width = inputWidth(decoder);
  const selected = new Float32Array(rows.length * dModel);
  rows.forEach((row, index) =>
    selected.set(embeds.subarray(row * width, row * width + dModel), index * dModel),
  );
  return selected;
}

function emptyCache({ numKeyValueHeads, headDim }: DecoderConfig, numLayers: number, batch: number): Tensors {
  const empty = () => float32Tensor(new Float32Array(0), [batch, numKeyValueHeads, 0, headDim]);
  return Object.fromEntries(cacheNames(numLayers).map((name) => [name, empty()]));
}

function cacheNames(numLayers: number): string[] {
  return Array.from({ length: numLayers }, (_, layer) => [`past.${layer}.key`, `past.${layer}.value`]).flat();
}

function presentName(pastName: string): string {
  return pastName.replace('past', 'present');
}
