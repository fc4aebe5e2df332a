import { decoderAttentionKind, inputWidth } from '../families/shared/model-config.ts';
import type { GraphTarget } from '../graph/graph-target.ts';
import { chooseTarget, chooseWidening } from '../model/choose-target.ts';
import type { ComposedPrompt } from '../model/compose-prompt.ts';
import { PositionFeeds, type HiddenEdge } from '../model/position-feeds.ts';
import type { Model } from '../model/model.ts';
import { float32Data, float32Tensor, int64Tensor, Session, type Tensor } from '../runtime/session.ts';

/** Keys and values of one block, one sequence: float32 [G, T, H] each. */
export interface BlockCache {
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/** What goes into one block: B sequences of equal length at equal positions, the last S of a prompt's T. */
export interface BlockInput {
  /** By sequence, float32 [S, inputWidth] */
  readonly streams: readonly Float32Array[];
  /** The same block's keys and values of the T positions, of which the first T − S are used, by sequence. */
  readonly caches: readonly (BlockCache | null)[];
  readonly hiddenEdges: readonly HiddenEdge[];
  readonly keepCache: boolean;
}

export interface BlockOutput {
  /** By sequence, float32 [S, inputWidth] before the next block; after the last block float32 [1, D], the last position. */
  readonly streams: readonly Float32Array[];
  /** By sequence; empty unless kept. */
  readonly caches: readonly BlockCache[];
}

/** Bytes of activations that one run of a block may take. */
const runBytes = 512 * 2 ** 20;

/** Runs the decoder block by block, one of them in memory at a time, over sequences of one prompt. */
export class BlockRunner {
  readonly #model: Model;
  readonly #target: GraphTarget;
  readonly #prompt: ComposedPrompt;
  readonly #positions: PositionFeeds;
  readonly #length: number;
  #loaded: { readonly layer: number; readonly session: Session } | null = null;

  /** @param hidesEdges attention is composed of single operators then, so that a mask can go into it */
  constructor(model: Model, prompt: ComposedPrompt, { hidesEdges }: { readonly hidesEdges: boolean }) {
    const { decoder } = model.checkpoint.config;
    const { provider } = model.provider;
    const target = chooseTarget(model.provider, chooseWidening(model.checkpoint, provider));
    this.#model = model;
    const attention = hidesEdges ? 'composed' : decoderAttentionKind(decoder, target.attention);
    this.#target = { ...target, attention };
    this.#prompt = prompt;
    this.#length = prompt.tokenIds.length;
    this.#positions = new PositionFeeds(model.checkpoint, prompt, this.#length, attention);
  }

  /** The first position that a change at this one reaches within a block. */
  reachOf(position: number): number {
    if (this.#model.checkpoint.config.decoder.imageSeesItself !== true) return position;
    const piece = this.#prompt.imagePieces.find(
      ({ span: [start, end] }) => start <= position && position < end,
    );
    return piece?.span[0] ?? position;
  }

  /**
   * Sequences of S positions that may go through a block together. Fused attention takes one alone where it goes on from a
   * cache with more than one position (GroupQueryAttention of ONNX Runtime's CPU provider).
   */
  batchSize(sequence: number): number {
    if (this.#target.attention === 'fused' && sequence < this.#length) return 1;
    const { numHeads, dMlp } = this.#model.checkpoint.config.decoder;
    const scores = this.#target.attention === 'composed' ? 2 * numHeads * this.#length : 0;
    return Math.max(1, Math.floor(runBytes / (4 * sequence * (scores + 4 * dMlp))));
  }

  async load(layer: number): Promise<void> {
    await this.release();
    const { family, config, weights } = this.#model.checkpoint;
    const graph = family.buildDecoder(config, weights, this.#target, { start: layer, end: layer + 1 });
    const { provider } = this.#model.provider;
    const source = { graph, weightsFolder: weights.folder, provider, widen: this.#target.widen };
    this.#loaded = { layer, session: await Session.create(source) };
  }

  async run({ streams, caches, hiddenEdges, keepCache }: BlockInput): Promise<BlockOutput> {
    const { layer, session } = this.#loaded!;
    const { decoder } = this.#model.checkpoint.config;
    const width = inputWidth(decoder);
    const batch = streams.length;
    const sequence = streams[0]!.length / width;
    const embeds = new Float32Array(batch * sequence * width);
    streams.forEach((stream, index) => embeds.set(stream, index * sequence * width));
    const lastRows = streams.map((_, index) => BigInt((index + 1) * sequence - 1));
    const isLast = layer === decoder.numLayers - 1;
    const stream = isLast ? `residual.${layer + 1}` : 'stream';
    const present = keepCache ? [`present.${layer}.key`, `present.${layer}.value`] : [];
    const outputs = await session.run(
      {
        ...this.#positions.of({ batch, length: this.#length, sequence, hiddenEdges }),
        embeds: float32Tensor(embeds, [batch * sequence, width]),
        rows: int64Tensor(BigInt64Array.from(lastRows), [batch]),
        [`past.${layer}.key`]: this.#past(caches, 'key', this.#length - sequence),
        [`past.${layer}.value`]: this.#past(caches, 'value', this.#length - sequence),
      },
      [stream, ...present],
    );
    const split = (name: string) => {
      const data = float32Data(outputs[name]);
      const size = data.length / batch;
      return streams.map((_, index) => data.slice(index * size, (index + 1) * size));
    };
    const [keys, values] = present.map(split);
    return {
      streams: split(stream),
      caches: keys === undefined ? [] : keys.map((key, index) => ({ key, value: values![index]! })),
    };
  }

  async release(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = null;
    await loaded?.session.release();
  }

  /** float32 [B, G, past, H] */
  #past(caches: BlockInput['caches'], part: keyof BlockCache, past: number): Tensor {
    const { numKeyValueHeads: groups, headDim } = this.#model.checkpoint.config.decoder;
    const size = past * headDim;
    const data = new Float32Array(caches.length * groups * size);
    if (past > 0)
      caches.forEach((cache, sequence) => {
        for (let group = 0; group < groups; group++) {
          const from = group * this.#length * headDim;
          data.set(cache![part].subarray(from, from + size), (sequence * groups + group) * size);
        }
      });
    return float32Tensor(data, [caches.length, groups, past, headDim]);
  }
}
