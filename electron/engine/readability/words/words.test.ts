import { describe, expect, it } from 'vitest';
import { gatherOwners, leavesOf } from '../hierarchy.ts';
import { spellWords } from './spellings.ts';
import { planNextNodes, scoreWords, tokensTo, type NodeReading } from './word-scores.ts';
import { buildWordTrie, type WordTokenizer, type WordTrie } from './word-trie.ts';

/** A vocabulary of given pieces, the longest first, and of every single character. */
function tokenizerOf(...pieces: string[]): WordTokenizer {
  const texts = [...pieces.toSorted((a, b) => b.length - a.length)];
  const idOf = (text: string) => {
    const known = texts.indexOf(text);
    return known >= 0 ? known : texts.push(text) - 1;
  };
  return {
    encode: (text) => {
      const ids: number[] = [];
      for (let at = 0; at < text.length;) {
        const piece = pieces
          .filter((candidate) => text.startsWith(candidate, at))
          .sort((a, b) => b.length - a.length)[0];
        ids.push(idOf(piece ?? text[at]!));
        at += (piece ?? text[at]!).length;
      }
      return ids;
    },
    tokenText: (id) => texts[id]!,
  };
}

/** Endings as their tokens, and what is taken off them. */
function describeEndings(trie: WordTrie, tokenizer: WordTokenizer, id: string): string[] {
  const { endings } = trie.concepts.find((concept) => concept.id === id)!;
  return endings
    .map(({ node }) => {
      const path = tokensTo(trie, trie.nodes[node]!).map((token) => tokenizer.tokenText(token));
      const off = [...trie.nodes[node]!.children.keys()].map((token) => tokenizer.tokenText(token));
      return path.join('|') + (off.length > 0 ? ` − ${off.join()}` : '');
    })
    .sort();
}

describe('the trie of words', () => {
  it('tells a form apart by its whole first word, never by a token that only begins it', () => {
    const tokenizer = tokenizerOf('Ret', 'ina', 'urn', 'сет', 'чат', 'ка');
    const trie = buildWordTrie(
      [
        { id: 'retina', forms: ['Retina', 'сетчатка'] },
        { id: 'car', forms: ['Машина'] },
      ],
      ['Return'],
      tokenizer,
    );
    expect(describeEndings(trie, tokenizer, 'retina')).toEqual(['Ret|ina', 'сет|чат|ка']);
    expect(trie.concepts.map(({ firstTokens }) => firstTokens)).toEqual([[], []]);
    expect(trie.concepts.every(({ identifiable }) => identifiable)).toBe(true);
  });

  it('goes on where another concept or a common word goes on, and takes that off', () => {
    const tokenizer = tokenizerOf('cat', 'aract', 'tle', 'retinal', ' detach', 'ment', ' image');
    const trie = buildWordTrie(
      [
        { id: 'cat', forms: ['cat'] },
        { id: 'cataract', forms: ['cataract'] },
        { id: 'retina', forms: ['retinal', 'retinal image'] },
        { id: 'detachment', forms: ['retinal detachment'] },
      ],
      ['cattle'],
      tokenizer,
    );
    expect(describeEndings(trie, tokenizer, 'cat')).toEqual(['cat − aract,tle']);
    expect(describeEndings(trie, tokenizer, 'retina')).toEqual(['retinal −  detach']);
    expect(describeEndings(trie, tokenizer, 'detachment')).toEqual(['retinal| detach']);
  });

  it('says what cannot be told apart, and with what it collides', () => {
    const tokenizer = tokenizerOf('OD', 'right');
    const trie = buildWordTrie(
      [
        { id: 'right-eye', forms: ['OD', 'right'] },
        { id: 'overdose', forms: ['OD'] },
        { id: 'letter', forms: ['A'] },
      ],
      [],
      tokenizer,
    );
    const [right, overdose, letter] = trie.concepts;
    expect(right).toMatchObject({ identifiable: true, collisions: [{ form: 'OD', with: ['overdose'] }] });
    expect(overdose).toMatchObject({
      identifiable: false,
      collisions: [{ form: 'OD', with: ['right-eye'] }],
    });
    expect(letter).toMatchObject({ identifiable: false, collisions: [{ form: 'A', with: [] }], endings: [] });
    expect(right!.firstTokens).toEqual(tokenizer.encode('right'));
  });

  it('counts bytes of split characters as the letters that they become together', () => {
    const bytes = [...Buffer.from('око')];
    const tokenizer: WordTokenizer = {
      encode: (text) => [...Buffer.from(text)],
      tokenText: (id) => `⟨${id.toString(16)}⟩`,
    };
    const trie = buildWordTrie([{ id: 'eye', forms: ['око'] }], [], tokenizer);
    expect(tokensTo(trie, trie.nodes[trie.concepts[0]!.endings[0]!.node]!)).toEqual(bytes);
    expect(() => buildWordTrie([{ id: 'none', forms: [''] }], [], tokenizer)).toThrow(RangeError);
  });
});

describe('scores of words', () => {
  const tokenizer = tokenizerOf('cat', 'aract', 's');
  const trie = buildWordTrie(
    [
      { id: 'cat', forms: ['cat'] },
      { id: 'cataract', forms: ['cataract'] },
    ],
    [],
    tokenizer,
  );
  const cat = tokenizer.encode('cat')[0]!;
  const aract = tokenizer.encode('cataract')[1]!;
  const readings = (first: number, second: number): Map<number, NodeReading> => {
    const root = { logProbs: new Map([[cat, [Math.log(first)]]]), logComplement: [Math.log1p(-first)] };
    const inner = { logProbs: new Map([[aract, [Math.log(second)]]]), logComplement: [Math.log1p(-second)] };
    return new Map([
      [0, root],
      [trie.nodes[0]!.children.get(cat)!, inner],
    ]);
  };
  const owners = ['cat', 'cataract'].map((id) => ({ id, owners: new Set([id]) }));

  it('are probabilities of disjoint answers, and a parent is their union', () => {
    const both = { id: 'both', owners: new Set(['cat', 'cataract']) };
    const found = scoreWords(trie, readings(0.4, 0.25), [...owners, both]);
    expect(found.map(({ logProb }) => Math.exp(logProb[0]!))).toEqual(
      [0.3, 0.1, 0.4].map((p) => expect.closeTo(p, 12) as number),
    );
    expect(found.map(({ logComplement }) => Math.exp(logComplement[0]!))).toEqual(
      [0.7, 0.9, 0.6].map((p) => expect.closeTo(p, 12) as number),
    );
    expect(found.every(({ numBounded }) => numBounded === 0)).toBe(true);
  });

  it('keep 1 − P where P rounds to 1', () => {
    const sure = readings(1, 0.25);
    const exact = { ...sure.get(0)!, logComplement: [-60] };
    const both = { id: 'both', owners: new Set(['cat', 'cataract']) };
    const [found] = scoreWords(trie, new Map([...sure, [0, exact]]), [both]);
    expect(found!.logComplement[0]).toBeCloseTo(-60, 9);
  });

  it('of a branch that was not read are bounded by it', () => {
    const known = readings(1e-6, 0.25);
    expect(planNextNodes(trie, new Map()).map(({ index }) => index)).toEqual([0]);
    expect(planNextNodes(trie, new Map([[0, known.get(0)!]]))).toEqual([]);
    expect(
      planNextNodes(trie, new Map([[0, readings(0.4, 0.25).get(0)!]])).map(({ token }) => token),
    ).toEqual([cat]);
    const [found] = scoreWords(trie, new Map([[0, known.get(0)!]]), owners);
    expect(found).toMatchObject({ numBounded: 1 });
    expect(found!.logProb[0]).toBe(-Infinity);
    expect(found!.upperLogProb[0]).toBeCloseTo(Math.log(1e-6), 9);
  });
});

describe('parents', () => {
  it('own what is below them', () => {
    const concepts = [
      { id: 'view' },
      { id: 'retina', parent: 'view' },
      { id: 'macula', parent: 'retina' },
      { id: 'car' },
    ];
    expect(gatherOwners(concepts).get('view')).toEqual(new Set(['view', 'retina', 'macula']));
    expect(leavesOf(concepts)).toEqual(new Set(['macula', 'car']));
    expect(() =>
      gatherOwners([
        { id: 'a', parent: 'b' },
        { id: 'b', parent: 'a' },
      ]),
    ).toThrow(RangeError);
    expect(() => gatherOwners([{ id: 'a', parent: 'x' }])).toThrow(RangeError);
  });
});

it('words are spelled as written and capitalised, with and without a space', () => {
  expect(spellWords(['глаз', 'OCT'])).toEqual(['глаз', 'Глаз', ' глаз', ' Глаз', 'OCT', ' OCT']);
});
