import {
  boolTensor,
  float32Data,
  float32Tensor,
  int64Data,
  int64Tensor,
  type Tensor,
  type Tensors,
} from '../runtime/session.ts';
import type { GraphRunner } from '../runtime/resident-session.ts';
import type { TokenSlice } from '../graph/token-slices.ts';
import { RankCounter } from './count-larger.ts';
import { TokenSets } from './token-sets.ts';

/** The token ids of every concept that is read, in the order of the results. */
export type ConceptTokens = readonly (readonly number[])[];

export interface LensHeadShape {
  readonly numTokens: number;
  readonly dModel: number;
  /** The slices of the vocabulary that the graph was built for. */
  readonly slices: readonly TokenSlice[];
  /** Bytes that a chunk of rows may take; see `lensChunkBytes`. */
  readonly chunkBytes: number;
  /** Concepts whose rank one run of the graph counts; 0 when ranks are counted here, on the host. */
  readonly rankSlots: number;
  /** Makes the graph count more ranks in a run; left out, further concepts take further runs. */
  readonly grow?: (rankSlots: number) => Promise<void>;
}

/** Slots are added by as many at a time, up to a graph that still compiles quickly. */
const slotStep = 8;
const mostSlots = 64;

/** Measurements of P positions × N layers, position-major. */
export interface LensReading {
  /** int32 [P, N, K], best first. */
  readonly topIds: Int32Array;
  /** float32 [P, N, K], nats. */
  readonly topLogProbs: Float32Array;
  /** float32 [P, N], nats. */
  readonly entropy: Float32Array;
  /** float32 [P, N], nats, against layer N − 1 of the same position. */
  readonly klToFinal: Float32Array;
  /** float32 [P, N, C], nats. */
  readonly conceptLogProb: Float32Array;
  /** int32 [P, N, C], 1 = top. */
  readonly conceptRank: Int32Array;
  /** float32 [P, N, F], nats, of the sets whose probability alone was asked for. */
  readonly unrankedLogProb: Float32Array;
}

/** Probabilities of single tokens at P positions × N layers, position-major, and what their complements follow from. */
export interface TokenReading {
  /** float32 [P, N, T], nats, in the order of the tokens asked for. */
  readonly logProbs: Float32Array;
  /** int32 [P, N, K], best first, and float32 [P, N, K], nats. */
  readonly topIds: Int32Array;
  readonly topLogProbs: Float32Array;
  readonly topK: number;
  /** float32 [P, N], nats: ln of the probability of all tokens below the best K together; −Infinity of none. */
  readonly tailLogProb: Float32Array;
}

/** So many leading tokens are told one by one: more than the spellings that can share nearly all of the probability. */
const leadingTokens = 32;

const padding = -1e30;

/** Decodes rows of the residual stream as if each were the last. */
export class LensHead {
  readonly numTokens: number;
  readonly dModel: number;
  readonly chunkBytes: number;
  readonly #session: GraphRunner;
  readonly #grow: LensHeadShape['grow'];
  #rankSlots: number;
  readonly #rankCounter = new RankCounter();
  readonly #slices: readonly TokenSlice[];
  readonly #logits: Float32Array<ArrayBuffer>[];

  constructor(session: GraphRunner, shape: LensHeadShape) {
    const { numTokens, dModel, slices, chunkBytes, rankSlots, grow } = shape;
    this.#session = session;
    this.numTokens = numTokens;
    this.dModel = dModel;
    this.chunkBytes = chunkBytes;
    this.#slices = slices;
    this.#logits = slices.map(() => new Float32Array(0));
    this.#rankSlots = rankSlots;
    this.#grow = grow;
  }

  /**
   * logits[r] = unembedding(finalNorm(row)), or unembedding(row) where `skipNorm`.
   *
   * @param rows float32 [N, D]
   * @param skipNorm N flags; true for rows that are already normed
   * @returns float32 [N, V] over the tokenizer's ids, logit units
   */
  async unembed(rows: Float32Array, skipNorm: readonly boolean[]): Promise<Float32Array> {
    const feeds = this.#feeds(rows, 1, skipNorm, 1, new TokenSets([[0]]));
    const names = this.#slices.map((_, index) => `logits.${index}`);
    const outputs = await this.#session.run(feeds, names);
    const logits = new Float32Array(skipNorm.length * this.numTokens);
    this.#slices.forEach(({ start, count }, index) => {
      const part = float32Data(outputs[names[index]!]);
      for (let row = 0; row < skipNorm.length; row++) {
        logits.set(part.subarray(row * count, (row + 1) * count), row * this.numTokens + start);
      }
    });
    return logits;
  }

  /**
   * Reads one chunk. Memory grows with its rows, P · N · V. The unembedding is multiplied once, unless the graph counts
   * ranks and there are more concepts than it can be made to count in one run.
   *
   * @param rows float32 [P, N, D], pre-norm unless skipped; the last layer last
   * @param skipNorm N flags, the same at every position
   * @param topK tokens kept per row, 1…V
   * @param unranked further sets of tokens, of which the probability is read and no rank
   */
  async read(
    rows: Float32Array,
    numPositions: number,
    skipNorm: readonly boolean[],
    topK: number,
    concepts: ConceptTokens,
    unranked: ConceptTokens = [],
  ): Promise<LensReading> {
    await this.makeRoomFor(concepts.length);
    const sets = new TokenSets([...concepts, ...unranked]);
    const feeds = this.#feeds(rows, numPositions, skipNorm, topK, sets, concepts);
    const numRows = numPositions * skipNorm.length;
    const wanted = ['top_ids', 'top_logits', 'log_sum_exp', 'entropy', 'kl_to_final', 'token_logits'];
    const outputs = await this.#session.run(feeds, this.#fetches(wanted, numRows));
    const logSumExp = float32Data(outputs['log_sum_exp']);
    const topLogits = float32Data(outputs['top_logits']);
    const tokenLogits = float32Data(outputs['token_logits']);
    const logProbs = sets.logProbs(tokenLogits, logSumExp);
    return {
      topIds: Int32Array.from(int64Data(outputs['top_ids']), Number),
      topLogProbs: topLogits.map((logit, index) => logit - logSumExp[Math.floor(index / topK)]!),
      entropy: float32Data(outputs['entropy']).slice(),
      klToFinal: float32Data(outputs['kl_to_final']).slice(),
      conceptLogProb: columnsOf(logProbs, numRows, 0, concepts.length),
      conceptRank:
        this.#rankSlots === 0
          ? this.#countOnHost(sets.largest(tokenLogits, concepts.length), concepts.length)
          : await this.#countInGraph(outputs, rows, numPositions, skipNorm, concepts),
      unrankedLogProb: columnsOf(logProbs, numRows, concepts.length, unranked.length),
    };
  }

  /**
   * Reads the probabilities of single tokens, with what is needed for ln(1 − p) of any set of them.
   *
   * @param rows float32 [P, N, D], pre-norm unless skipped
   * @param tokens ids, at least one, no id twice
   */
  async readTokens(
    rows: Float32Array,
    numPositions: number,
    skipNorm: readonly boolean[],
    tokens: readonly number[],
  ): Promise<TokenReading> {
    const topK = Math.min(leadingTokens, this.numTokens);
    const feeds = this.#feeds(rows, numPositions, skipNorm, topK, new TokenSets([tokens]));
    const names = ['top_ids', 'top_logits', 'log_sum_exp', 'tail', 'token_logits'];
    const outputs = await this.#session.run(feeds, names);
    const logSumExp = float32Data(outputs['log_sum_exp']);
    const topLogits = float32Data(outputs['top_logits']);
    const logits = float32Data(outputs['token_logits']);
    const tail = float32Data(outputs['tail']);
    const width = tokens.length;
    return {
      logProbs: logits.map((logit, index) => logit - logSumExp[Math.floor(index / width)]!),
      topIds: Int32Array.from(int64Data(outputs['top_ids']), Number),
      topLogProbs: topLogits.map((logit, index) => logit - logSumExp[Math.floor(index / topK)]!),
      topK,
      tailLogProb: tail.map((rest, row) => Math.log(rest) + topLogits[row * topK]! - logSumExp[row]!),
    };
  }

  /** Says that no more is read for a while. */
  async rest(): Promise<void> {
    await this.#session.rest();
  }

  /**
   * Compiles a graph that counts the ranks of that many concepts in one run, if it must; it is kept. Before a trace's gate
   * is measured, so that the gate judges the graph that is read with.
   */
  async makeRoomFor(numConcepts: number): Promise<void> {
    if (this.#rankSlots === 0 || this.#grow === undefined || numConcepts <= this.#rankSlots) return;
    const wanted = Math.min(mostSlots, slotStep * Math.ceil(numConcepts / slotStep));
    if (wanted <= this.#rankSlots) return;
    await this.#grow(wanted);
    this.#rankSlots = wanted;
  }

  #fetches(
    names: readonly string[],
    numRows: number,
  ): readonly string[] | Readonly<Record<string, Tensor | null>> {
    if (this.#rankSlots > 0) return [...names, 'concept_rank'];
    const logits = this.#slices.map(({ count }, index) => {
      const size = numRows * count;
      if (this.#logits[index]!.length < size) this.#logits[index] = new Float32Array(size);
      return [
        `logits.${index}`,
        float32Tensor(this.#logits[index]!.subarray(0, size), [numRows, count]),
      ] as const;
    });
    return { ...Object.fromEntries(names.map((name) => [name, null])), ...Object.fromEntries(logits) };
  }

  /** @param best float32 [rows, C], the largest logit of each concept */
  #countOnHost(best: Float32Array, numConcepts: number): Int32Array {
    const ranks = new Int32Array(best.length).fill(1);
    for (let row = 0; row * numConcepts < best.length; row++) {
      const thresholds = best.subarray(row * numConcepts, (row + 1) * numConcepts);
      this.#slices.forEach(({ count }, index) => {
        const logits = this.#logits[index]!.subarray(row * count, (row + 1) * count);
        this.#rankCounter.rank(logits, thresholds).forEach((rank, concept) => {
          ranks[row * numConcepts + concept]! += rank - 1;
        });
      });
    }
    return ranks;
  }

  /** The first run brought the first slots' concepts; further concepts take further runs. */
  async #countInGraph(
    first: Tensors,
    rows: Float32Array,
    numPositions: number,
    skipNorm: readonly boolean[],
    concepts: ConceptTokens,
  ): Promise<Int32Array> {
    const numRows = numPositions * skipNorm.length;
    const ranks = new Int32Array(numRows * concepts.length);
    const slots = this.#rankSlots;
    for (let start = 0; start < concepts.length; start += slots) {
      const part = concepts.slice(start, start + slots);
      const feeds = () => this.#feeds(rows, numPositions, skipNorm, 1, new TokenSets(part), part);
      const outputs = start === 0 ? first : await this.#session.run(feeds(), ['concept_rank']);
      const counted = float32Data(outputs['concept_rank']);
      for (let row = 0; row < numRows; row++)
        for (let concept = 0; concept < part.length; concept++)
          ranks[row * concepts.length + start + concept] = counted[row * slots + concept]!;
    }
    return ranks;
  }

  /** @param ranked concepts of which the graph counts the first ranks, as many as it has slots for */
  #feeds(
    rows: Float32Array,
    numPositions: number,
    skipNorm: readonly boolean[],
    topK: number,
    sets: TokenSets,
    ranked: ConceptTokens = [],
  ): Record<string, Tensor> {
    const { tokens } = sets;
    const skip = Array.from({ length: numPositions }, () => skipNorm).flat();
    const feeds: Record<string, Tensor> = {
      rows: float32Tensor(rows, [numPositions, skipNorm.length, this.dModel]),
      skip_norm: boolTensor(skip, [numPositions, skipNorm.length, 1]),
      top_k: int64Tensor(BigInt64Array.of(BigInt(topK)), [1]),
    };
    this.#slices.forEach(({ start, count }, index) => {
      const ids = new BigInt64Array(tokens.length);
      const mask = new Float32Array(tokens.length).fill(padding);
      tokens.forEach((token, place) => {
        if (token < start || token >= start + count) return;
        ids[place] = BigInt(token - start);
        mask[place] = 0;
      });
      feeds[`tokens.${index}`] = int64Tensor(ids, [ids.length]);
      feeds[`token_mask.${index}`] = float32Tensor(mask, [mask.length]);
      if (this.#slices.length > 1)
        feeds[`top_k.${index}`] = int64Tensor(BigInt64Array.of(BigInt(Math.min(topK, count))), [1]);
    });
    if (this.#rankSlots > 0) {
      const places = sets.paddedPlaces(this.#rankSlots, ranked.length);
      feeds['concept_places'] = int64Tensor(places, [places.length]);
    }
    return feeds;
  }
}

/** Columns of a table [rows, width]. */
function columnsOf(table: Float32Array, numRows: number, first: number, count: number): Float32Array {
  const width = table.length / numRows;
  const columns = new Float32Array(numRows * count);
  for (let row = 0; row < numRows; row++)
    columns.set(table.subarray(row * width + first, row * width + first + count), row * count);
  return columns;
}
