import { logSumExp } from './log-probability.ts';
import { branchFloor } from './rule.ts';
import { nobody, type TrieNode, type WordTrie } from './word-trie.ts';

/** What follows one node of the trie, by layer 0…L; nats; NaN at layers at which the node was bounded and not read. */
export interface NodeReading {
  /** By token of the node's children, [N]: ln p(token | what leads to the node). */
  readonly logProbs: ReadonlyMap<number, ArrayLike<number>>;
  /** [N]: ln of the probability of all other tokens together, from these and not as 1 − p. */
  readonly logComplement: ArrayLike<number>;
}

export type NodeReadings = ReadonlyMap<number, NodeReading>;

/** A concept's words at one position, by layer 0…L; nats. */
export interface WordScore {
  readonly id: string;
  /** ln P, without branches that were bounded. */
  readonly logProb: Float64Array;
  /** ln P with the whole of every branch that was bounded. */
  readonly upperLogProb: Float64Array;
  /** ln(1 − P) belonging to `logProb`, and to `upperLogProb`. */
  readonly logComplement: Float64Array;
  readonly upperLogComplement: Float64Array;
  /** Branches that were bounded at some layer; 0 where P is exact. */
  readonly numBounded: number;
}

/**
 * The nodes of one depth that have to be read next: those whose own probability, which nothing after them can exceed, is
 * above the floor at some layer. The others are bounded.
 *
 * @param readings of all nodes that earlier calls named; the first call, with none, names the first node
 */
export function planNextNodes(trie: WordTrie, readings: NodeReadings): readonly TrieNode[] {
  const { nodes } = trie;
  if (readings.size === 0) return [nodes[0]!];
  const depth = Math.max(...[...readings.keys()].map((index) => nodes[index]!.depth));
  return nodes.filter(
    (node) =>
      node.depth === depth + 1 &&
      node.children.size > 0 &&
      readings.has(node.parent) &&
      likelyLayers(trie, readings, node).length > 0,
  );
}

/** Layers at which a node's own probability is above the floor, so that what follows it could matter. */
export function likelyLayers({ nodes }: WordTrie, readings: NodeReadings, node: TrieNode): number[] {
  return pathLogProb(nodes, readings, node).flatMap((value, layer) => (value >= branchFloor ? [layer] : []));
}

/** Tokens from the position that is read to a node. */
export function tokensTo({ nodes }: WordTrie, node: TrieNode): number[] {
  const tokens: number[] = [];
  for (let at = node; at.parent >= 0; at = nodes[at.parent]!) tokens.unshift(at.token);
  return tokens;
}

/**
 * Adds the words up: with F the probability, from a node on, that the answer is a word of a concept,
 *
 * F(node) = [node's owner is the concept] · p(no child) + Σ p(child) · F(child),
 *
 * and the same of "is none" for 1 − F, so that both are sums of positive terms and neither is taken from the other. Where a
 * node was not read, F is once taken as 0 and once as 1.
 *
 * @param concepts owners by concept whose words are added up; a parent has its own and those of all below it
 */
export function scoreWords(
  trie: WordTrie,
  readings: NodeReadings,
  concepts: readonly { readonly id: string; readonly owners: ReadonlySet<string> }[],
): WordScore[] {
  const { nodes } = trie;
  const root = readings.get(0);
  if (root === undefined) throw new RangeError('the first node of the trie was not read');
  const numLayers = root.logComplement.length;
  return concepts.map(({ id, owners }) => {
    const touched = new Set<number>();
    for (const node of nodes)
      if (owners.has(node.owner))
        for (let at = node; !touched.has(at.index); at = nodes[at.parent] ?? at) touched.add(at.index);
    const bounded = new Set<number>();
    const mass = (node: TrieNode, layer: number, unread: 0 | 1): readonly [number, number] => {
      const owns = node.owner !== nobody && owners.has(node.owner);
      if (node.children.size === 0 || (!touched.has(node.index) && !owns)) return certain(owns);
      const reading = readings.get(node.index);
      if (reading === undefined || Number.isNaN(reading.logComplement[layer])) {
        if (unread === 0) bounded.add(node.index);
        return certain(unread === 1);
      }
      const parts: number[] = [];
      const others: number[] = [];
      (owns ? parts : others).push(reading.logComplement[layer]!);
      for (const [token, child] of node.children) {
        const logProb = reading.logProbs.get(token)![layer]!;
        const [inside, outside] = mass(nodes[child]!, layer, unread);
        parts.push(logProb + inside);
        others.push(logProb + outside);
      }
      return [logSumExp(parts), logSumExp(others)];
    };
    const layers = Array.from({ length: numLayers }, (_, layer) => layer);
    const lower = layers.map((layer) => mass(nodes[0]!, layer, 0));
    const upper = bounded.size === 0 ? lower : layers.map((layer) => mass(nodes[0]!, layer, 1));
    return {
      id,
      logProb: Float64Array.from(lower, ([inside]) => inside),
      upperLogProb: Float64Array.from(upper, ([inside]) => inside),
      logComplement: Float64Array.from(lower, ([, outside]) => outside),
      upperLogComplement: Float64Array.from(upper, ([, outside]) => outside),
      numBounded: bounded.size,
    };
  });
}

/** ln of 1 and of 0, or the other way round. */
function certain(isInside: boolean): readonly [number, number] {
  return isInside ? [0, -Infinity] : [-Infinity, 0];
}

function pathLogProb(nodes: readonly TrieNode[], readings: NodeReadings, node: TrieNode): number[] {
  const numLayers = readings.get(0)!.logComplement.length;
  const sums = Array<number>(numLayers).fill(0);
  for (let at = node; at.parent >= 0; at = nodes[at.parent]!) {
    const values = readings.get(at.parent)!.logProbs.get(at.token)!;
    for (let layer = 0; layer < numLayers; layer++) sums[layer]! += values[layer]!;
  }
  return sums;
}
