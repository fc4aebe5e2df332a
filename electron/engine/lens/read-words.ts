import { readRows } from '../checkpoint/tensor-reader.ts';
import { DecoderRun, type KeyValueCache } from '../decoder-run.ts';
import type { LensKind } from '../lens-trace/lens-trace.ts';
import { positionsPerChunk } from '../memory/memory-needs.ts';
import type { Model } from '../model.ts';
import type { ComposedPrompt } from '../prompt.ts';
import type { PoolReading } from '../readability/token-null.ts';
import {
  planNextNodes,
  scoreWords,
  tokensTo,
  type NodeReading,
  type WordScore,
} from '../readability/word-scores.ts';
import type { TrieNode } from '../readability/word-trie.ts';
import { float32Data, float32Tensor, type Tensors } from '../runtime/session.ts';
import { reportProgress, type TraceHooks } from '../trace-hooks.ts';
import type { TokenReading } from './lens-head.ts';
import type { WordSet } from './word-set.ts';

/** The words of a concept set where the answer begins. */
export interface WordReading {
  /** In the order of the set. */
  readonly scores: readonly WordScore[];
  /** By layer 0…L. */
  readonly pool: readonly PoolReading[];
}

/** Where the words go on from. */
export interface AnswerPosition {
  readonly prompt: ComposedPrompt;
  /** By layer 0…L, float32 [D], of the prompt's last position. */
  readonly residual: readonly Float32Array[];
  /** Of the whole prompt. */
  readonly cache: KeyValueCache;
  readonly lens: LensKind;
}

/** Bytes of caches that continuations which go through the decoder together may take. */
const continuationBytes = 256 * 2 ** 20;
const mostTogether = 32;

/**
 * Scores whole words by teacher forcing: the trie's branches go on from the prompt's KV cache, as many together as fit, and
 * every token of them is read through the lens at every layer. A branch that cannot matter at any layer is not followed.
 *
 * log P(word) = Σ log P(token | prompt, tokens before it), at the same layer.
 *
 * @throws FundusLensError `engine.cancelled`
 */
export async function readWords(
  model: Model,
  words: WordSet,
  answer: AnswerPosition,
  hooks: TraceHooks,
): Promise<WordReading> {
  const { trie, pool } = words;
  const root = trie.nodes[0]!;
  const readings = new Map<number, NodeReading>();
  const isSkipped = answer.residual.map(
    (_, layer) => answer.lens === 'raw' && layer < answer.residual.length - 1,
  );
  const rows = joinRows(answer.residual);
  const first = await readNodes(model, rows, [root], isSkipped, pool.ids);
  readings.set(0, first.nodes[0]!);
  for (let next = planNextNodes(trie, readings); next.length > 0; next = planNextNodes(trie, readings)) {
    await readBranches(next);
  }
  return { scores: scoreWords(trie, readings, words.concepts), pool: first.pool };

  async function readBranches(nodes: readonly TrieNode[]): Promise<void> {
    const together = countTogether(model, answer, nodes[0]!.depth);
    let tiled: KeyValueCache | null = null;
    for (let start = 0; start < nodes.length; start += together) {
      await reportProgress(hooks, 'lens', start, nodes.length);
      const part = nodes.slice(start, start + together);
      if (tiled === null || part.length < together) tiled = tile(answer.cache, part.length);
      const branches = await continueWith(
        model,
        answer,
        tiled,
        part.map((node) => tokensTo(trie, node)),
      );
      const perChunk = positionsPerChunk(model.head.chunkBytes, model.head.numTokens, isSkipped.length);
      const size = isSkipped.length * model.head.dModel;
      for (let at = 0; at < part.length; at += perChunk) {
        const chunk = part.slice(at, at + perChunk);
        const found = await readNodes(
          model,
          branches.subarray(at * size, (at + chunk.length) * size),
          chunk,
          isSkipped,
        );
        chunk.forEach((node, index) => readings.set(node.index, found.nodes[index]!));
      }
    }
  }
}

/** On a fused kernel only a single token may go on from a cache in several sequences at once. */
function countTogether({ provider }: Model, { cache }: AnswerPosition, depth: number): number {
  if (provider.fusedAttention && depth > 1) return 1;
  const bytes = Object.values(cache.tensors).reduce((sum, tensor) => sum + float32Data(tensor).byteLength, 0);
  return Math.max(1, Math.min(mostTogether, Math.floor(continuationBytes / Math.max(1, bytes))));
}

/**
 * Runs continuations of equal length through the decoder.
 *
 * @returns float32 [B, N, D]: the last token of each, all layers side by side
 */
async function continueWith(
  model: Model,
  { prompt }: AnswerPosition,
  cache: KeyValueCache,
  branches: readonly (readonly number[])[],
): Promise<Float32Array> {
  const { embedding } = model.checkpoint;
  const length = branches[0]!.length;
  const run = new DecoderRun(model, prompt, {
    ...{ maxLength: cache.length + length, keepCache: false },
    ...{ after: cache, batch: branches.length },
  });
  const embeds = readRows(embedding, branches.flat());
  const residual = await run.fill(
    embeds,
    branches.map((_, index) => (index + 1) * length - 1),
  );
  const { dModel } = model.head;
  const rows = new Float32Array(branches.length * residual.length * dModel);
  for (let branch = 0; branch < branches.length; branch++)
    residual.forEach((stream, layer) => {
      const row = stream.subarray(branch * dModel, (branch + 1) * dModel);
      rows.set(row, (branch * residual.length + layer) * dModel);
    });
  return rows;
}

/** Reads the children of nodes, and of the first node the pool. */
async function readNodes(
  { head }: Model,
  rows: Float32Array,
  nodes: readonly TrieNode[],
  isSkipped: readonly boolean[],
  poolIds: Int32Array = new Int32Array(0),
): Promise<{ readonly nodes: NodeReading[]; readonly pool: PoolReading[] }> {
  const tokens = [...new Set([...nodes.flatMap(({ children }) => [...children.keys()]), ...poolIds])];
  const placeOf = new Map(tokens.map((token, place) => [token, place]));
  const reading = await head.readTokens(rows, nodes.length, isSkipped, tokens);
  const numLayers = isSkipped.length;
  const layers = Array.from({ length: numLayers }, (_, layer) => layer);
  return {
    nodes: nodes.map(({ children }, index) => {
      const cells = layers.map((layer) => index * numLayers + layer);
      const own = [...children.keys()];
      const logProbAt = (cell: number, token: number) =>
        reading.logProbs[cell * tokens.length + placeOf.get(token)!]!;
      return {
        logProbs: new Map(own.map((token) => [token, cells.map((cell) => logProbAt(cell, token))])),
        logComplement: cells.map((cell) =>
          complementOf(reading, cell, new Map(own.map((token) => [token, logProbAt(cell, token)]))),
        ),
      };
    }),
    pool: layers.map((cell): PoolReading => {
      const top = reading.topIds[cell * reading.topK]!;
      const logProb = reading.topLogProbs[cell * reading.topK]!;
      return {
        logProbs: Float32Array.from(
          poolIds,
          (id) => reading.logProbs[cell * tokens.length + placeOf.get(id)!]!,
        ),
        topPlace: poolIds.indexOf(top),
        topLogComplement: complementOf(reading, cell, new Map([[top, logProb]])),
      };
    }),
  };
}

/** Of the rest of the vocabulary, what may be lost to rounding where a set holds nearly all of it. */
const leastShare = 1e-7;

/**
 * ln of the probability of everything but a set of tokens: added up from the leading tokens and the rest, so that it is
 * exact where the set's own probability rounds to 1.
 *
 * @param set by token, ln p
 */
export function complementOf(reading: TokenReading, cell: number, set: ReadonlyMap<number, number>): number {
  const { topIds, topLogProbs, topK, tailLogProb } = reading;
  let inside = 0;
  for (const logProb of set.values()) inside += Math.exp(logProb);
  if (inside <= 0.5) return Math.log1p(-inside);
  const leading = new Set<number>();
  let outside = 0;
  for (let place = cell * topK; place < (cell + 1) * topK; place++) {
    leading.add(topIds[place]!);
    if (!set.has(topIds[place]!)) outside += Math.exp(topLogProbs[place]!);
  }
  const tail = Math.exp(tailLogProb[cell]!);
  let inTail = 0;
  for (const [token, logProb] of set) if (!leading.has(token)) inTail += Math.exp(logProb);
  const rest = Math.max(tail - inTail, leastShare * tail);
  return Math.log(Math.max(outside + rest, Number.MIN_VALUE));
}

/** The cache once for every sequence. */
function tile(cache: KeyValueCache, count: number): KeyValueCache {
  if (count === 1) return cache;
  const tensors: Tensors = Object.fromEntries(
    Object.entries(cache.tensors).map(([name, tensor]) => {
      const data = float32Data(tensor);
      const all = new Float32Array(count * data.length);
      for (let copy = 0; copy < count; copy++) all.set(data, copy * data.length);
      return [name, float32Tensor(all, [count, ...tensor.dims.slice(1)])];
    }),
  );
  return { length: cache.length, tensors };
}

/** float32 [N, D] */
function joinRows(residual: readonly Float32Array[]): Float32Array {
  const width = residual[0]!.length;
  const rows = new Float32Array(residual.length * width);
  residual.forEach((row, layer) => rows.set(row, layer * width));
  return rows;
}
