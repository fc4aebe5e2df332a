import { describe, expect, it } from 'vitest';
import { readTokenizer } from '../../electron/engine/checkpoint/tokenizer.ts';
import { resolveWords } from '../../electron/engine/concepts/word-set.ts';
import { conceptSet, listTruthCases, vocabularies } from './truth-cases.ts';

/** Words that models say in the suite "truth", each once. */
const cases = [
  ...new Map(listTruthCases(40, 'real').map((truth) => [`${truth.word} ${truth.concept}`, truth])).values(),
];

describe.each(['small', 'real'] as const)('a model of the %s vocabulary that says one word', async (name) => {
  const tokenizer = await readTokenizer(vocabularies[name]);
  const { trie } = resolveWords(conceptSet, tokenizer);
  /** The concept whose word an answer of these tokens is; empty for none. */
  const ownerOf = (text: string) => {
    let node = trie.nodes[0]!;
    for (const token of tokenizer.encode(text)) {
      const next = node.children.get(token);
      if (next === undefined) break;
      node = trie.nodes[next]!;
    }
    return node.owner;
  };

  const named = cases.filter(({ concept }) => concept !== null);
  it(`says exactly the concept that the word names (${named.length} words of two languages)`, () => {
    expect(named.length).toBeGreaterThanOrEqual(40);
    const wrong = named.filter(({ word, concept }) => ownerOf(word) !== concept);
    expect(wrong.map(({ word }) => [word, ownerOf(word)])).toEqual([]);
  });

  it.each(['Машина', 'Фотография', 'Return', 'Optical'])('names no concept of a fundus by “%s”', (word) => {
    const owner = ownerOf(word);
    const { role } = conceptSet.concepts.find(({ id }) => id === owner) ?? { role: 'control' };
    expect([word, owner, role]).toEqual([word, owner, 'control']);
    // The first token alone, which many words of a fundus begin with, names nothing either.
    const [first] = tokenizer.encode(word);
    const child = trie.nodes[0]!.children.get(first!);
    expect(child === undefined ? '' : trie.nodes[child]!.owner).not.toMatch(
      /retina|macula|optic-disc|fundus/,
    );
  });
});
