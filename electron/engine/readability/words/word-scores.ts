import { branchFloor } from '../rule.ts';
import type { TrieNode, WordTrie } from './word-trie.ts';

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
 * Adds the words up. Every answer leaves the trie at one node, so with w(node) = P(path to it) · p(none of its children) the
 * probability of a concept is Σ w over the nodes that it owns, and 1 − P is Σ w over all others: both are sums of positive
 * terms, and neither is taken from the other. Where a node was not read, all that goes through it is once left out and once
 * counted whole.
 *
 * @param concepts owners by concept whose words are added up; a parent has its own and those of all below it
 */
export function scoreWords(
  trie: WordTrie,
  readings: NodeReadings,
  concepts: readonly { readonly id: string; readonly owners: ReadonlySet<string> }[],
): WordScore[] {
  const root = readings.get(0);
  if (root === undefined) throw new RangeError('the first node of the trie was not read');
  const numLayers = root.logComplement.length;
  const scores = concepts.map(({ id }) => ({
    id,
    ...{ logProb: new Float64Array(numLayers), upperLogProb: new Float64Array(numLayers) },
    ...{ logComplement: new Float64Array(numLayers), upperLogComplement: new Float64Array(numLayers) },
    bounded: new Set<number>(),
  }));
  // By node: whether it leads to each concept; asked at every layer.
  const leadsTo = new Map<TrieNode, readonly boolean[]>();
  const leadingTo = (node: TrieNode) => {
    const known = leadsTo.get(node);
    if (known !== undefined) return known;
    const below = [...node.ownersBelow];
    const found = concepts.map(({ owners }) => below.some((owner) => owners.has(owner)));
    leadsTo.set(node, found);
    return found;
  };
  for (let layer = 0; layer < numLayers; layer++) {
    const { byOwner, unread } = leaveAt(trie, readings, layer);
    concepts.forEach(({ owners }, index) => {
      const score = scores[index]!;
      let [inside, outside, uncertain] = [0, 0, 0];
      for (const [owner, mass] of byOwner) {
        if (owners.has(owner)) inside += mass;
        else outside += mass;
      }
      for (const [node, mass] of unread) {
        if (!leadingTo(node)[index]!) {
          outside += mass;
          continue;
        }
        uncertain += mass;
        score.bounded.add(node.index);
      }
      score.logProb[layer] = Math.log(inside);
      score.logComplement[layer] = Math.log(outside + uncertain);
      score.upperLogProb[layer] = Math.log(inside + uncertain);
      score.upperLogComplement[layer] = Math.log(outside);
    });
  }
  return scores.map(({ bounded, ...score }) => ({ ...score, numBounded: bounded.size }));
}

/** At one layer: the probability of leaving the trie by owner, and of coming to nodes that were not read. */
function leaveAt({ nodes }: WordTrie, readings: NodeReadings, layer: number) {
  const byOwner = new Map<string, number>();
  const unread: [TrieNode, number][] = [];
  const visit = (node: TrieNode, path: number) => {
    const leave = (mass: number) => byOwner.set(node.owner, (byOwner.get(node.owner) ?? 0) + mass);
    if (node.children.size === 0) {
      leave(Math.exp(path));
      return;
    }
    const reading = readings.get(node.index);
    if (reading === undefined || Number.isNaN(reading.logComplement[layer])) {
      unread.push([node, Math.exp(path)]);
      return;
    }
    leave(Math.exp(path + reading.logComplement[layer]!));
    for (const [token, child] of node.children)
      visit(nodes[child]!, path + reading.logProbs.get(token)![layer]!);
  };
  visit(nodes[0]!, 0);
  return { byOwner, unread };
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
