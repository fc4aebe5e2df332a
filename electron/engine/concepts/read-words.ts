import { embedTokens } from '../model/embed-tokens.ts';
import { DecoderRun, type KeyValueCache } from '../model/decoder-run.ts';
import { mapRows, skipNorms, type Lens } from '../lens/lens.ts';
import { positionsPerChunk } from '../memory/memory-needs.ts';
import type { Model } from '../model/model.ts';
import type { ComposedPrompt } from '../model/compose-prompt.ts';
import { toPoolStep, type PoolReading } from '../readability/token-null.ts';
import {
  likelyLayers,
  planNextNodes,
  scoreWords,
  tokensTo,
  type NodeReading,
  type NodeReadings,
  type WordScore,
} from '../readability/words/word-scores.ts';
import type { TrieNode, WordTrie } from '../readability/words/word-trie.ts';
import { float32Data, float32Tensor, type Tensors } from '../runtime/session.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import type { TokenReading } from '../lens/lens-head.ts';
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
  readonly lens: Lens;
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
  const { lens } = answer;
  const isSkipped = skipNorms(lens, answer.residual.length);
  const rows = joinRows(mapRows(lens, answer.residual, model.head.dModel));
  const first = await readNodes(model, rows, [root], isSkipped, pool.ids);
  readings.set(0, first.nodes[0]!);
  const mostContinuations = countTogether(answer);
  let tiled = { count: 1, cache: answer.cache };
  for (let next = planNextNodes(trie, readings); next.length > 0; next = planNextNodes(trie, readings)) {
    await readBranches(next);
  }
  return { scores: scoreWords(trie, readings, words.concepts), pool: first.pool };

  async function readBranches(nodes: readonly TrieNode[]): Promise<void> {
    const together = Math.min(mostContinuations, nodes.length);
    // Copied once for all of them: copying it for each part took longer than the decoder.
    if (tiled.count < together) tiled = { count: together, cache: tile(answer.cache, together) };
    for (let start = 0; start < nodes.length; start += together) {
      await reportProgress(hooks, 'lens', start, nodes.length);
      const part = nodes.slice(start, start + together);
      const residual = await continueWith(
        model,
        answer.prompt,
        firstSequences(tiled.cache, part.length),
        part.map((node) => tokensTo(trie, node)),
      );
      for (const [node, reading] of await readWhereLikely(model, lens, part, residual, readings, trie))
        readings.set(node.index, reading);
    }
  }
}

/** How many continuations go through the decoder together. */
function countTogether({ cache }: AnswerPosition): number {
  const bytes = Object.values(cache.tensors).reduce((sum, tensor) => sum + float32Data(tensor).byteLength, 0);
  return Math.max(1, Math.min(mostTogether, Math.floor(continuationBytes / Math.max(1, bytes))));
}

/**
 * Runs continuations of equal length through the decoder, token by token: a fused kernel lets several sequences go on from
 * a cache only by one token each.
 *
 * @param after the prompt's cache, once for every branch
 * @returns by layer 0…L, float32 [B, D]: of the last token of each
 */
async function continueWith(
  model: Model,
  prompt: ComposedPrompt,
  after: KeyValueCache,
  branches: readonly (readonly number[])[],
): Promise<readonly Float32Array[]> {
  const length = branches[0]!.length;
  const run = new DecoderRun(model, prompt, {
    ...{ maxLength: after.length + length, keepCache: length > 1 },
    ...{ after, batch: branches.length },
  });
  const every = branches.map((_, index) => index);
  let residual: readonly Float32Array[] = [];
  for (let step = 0; step < length; step++) {
    const embeds = embedTokens(
      model.checkpoint,
      branches.map((tokens) => tokens[step]!),
    );
    residual = await run.fill(embeds, step === length - 1 ? every : []);
  }
  return residual;
}

/** Reads nodes at the layers at which they could matter; at the others they are bounded, which is written as NaN. */
async function readWhereLikely(
  model: Model,
  lens: Lens,
  nodes: readonly TrieNode[],
  residual: readonly Float32Array[],
  readings: NodeReadings,
  trie: WordTrie,
): Promise<Map<TrieNode, NodeReading>> {
  const { head } = model;
  const numLayers = residual.length;
  const isSkipped = skipNorms(lens, numLayers);
  const empty = () => new Float32Array(numLayers).fill(NaN);
  const found = new Map(
    nodes.map((node) => [
      node,
      {
        logProbs: new Map([...node.children.keys()].map((token) => [token, empty()])),
        logComplement: empty(),
      },
    ]),
  );
  const cells = nodes.flatMap((node, branch) =>
    likelyLayers(trie, readings, node).map((layer) => ({ node, branch, layer })),
  );
  const perChunk = positionsPerChunk(head.chunkBytes, head.numTokens, 1);
  for (const [skip, alike] of Map.groupBy(cells, ({ layer }) => isSkipped[layer]!)) {
    for (let start = 0; start < alike.length; start += perChunk) {
      const chunk = alike.slice(start, start + perChunk);
      const rows = new Float32Array(chunk.length * head.dModel);
      chunk.forEach(({ branch, layer }, row) => {
        const from = branch * head.dModel;
        const own = residual[layer]!.subarray(from, from + head.dModel);
        rows.set(lens.map(layer, own), row * head.dModel);
      });
      const read = await readNodes(
        model,
        rows,
        chunk.map(({ node }) => node),
        [skip],
      );
      chunk.forEach(({ node, layer }, row) => {
        const reading = read.nodes[row]!;
        const target = found.get(node)!;
        target.logComplement[layer] = reading.logComplement[0]!;
        for (const [token, values] of target.logProbs) values[layer] = reading.logProbs.get(token)![0]!;
      });
    }
  }
  return found;
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
        logProbs: Float32Array.from(poolIds, (id) =>
          toPoolStep(reading.logProbs[cell * tokens.length + placeOf.get(id)!]!),
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

/** The cache of the first sequences of several, without a copy. */
function firstSequences({ length, tensors }: KeyValueCache, count: number): KeyValueCache {
  return {
    length,
    tensors: Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        const [sequences = 1, ...shape] = tensor.dims;
        const data = float32Data(tensor);
        const size = data.length / sequences;
        return [name, float32Tensor(data.subarray(0, count * size), [count, ...shape])];
      }),
    ),
  };
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
