import { createHash } from 'node:crypto';
import englishWords from '../../../resources/words/common.en.json' with { type: 'json' };
import russianWords from '../../../resources/words/common.ru.json' with { type: 'json' };
import type { ConceptSet } from '../lens-trace/concept-set.ts';
import { gatherOwners } from '../readability/hierarchy.ts';
import { spellWords } from '../readability/words/spellings.ts';
import { choosePool, type TokenPool } from '../readability/token-null.ts';
import { buildWordTrie, type Collision, type WordTrie } from '../readability/words/word-trie.ts';
import type { ConceptTokenizer } from '../lens/resolve-concepts.ts';

/** A concept as its whole words are read. */
export interface WordConcept {
  readonly id: string;
  /** Concepts whose words count as its own: itself and all below it. */
  readonly owners: ReadonlySet<string>;
  readonly identifiable: boolean;
  readonly collisions: readonly Collision[];
  /** Tokens that tell it apart by themselves, for positions that are read by first tokens; ascending. */
  readonly firstTokens: readonly number[];
  /** First tokens of all its words, ascending: as large as its token sets are drawn. */
  readonly beginnings: readonly number[];
}

/** The words of a concept set in a vocabulary, and the tokens that stand for any other word. */
export interface WordSet {
  readonly trie: WordTrie;
  /** In the order of the set. */
  readonly concepts: readonly WordConcept[];
  readonly pool: TokenPool;
  /** Equal when everything above is. */
  readonly key: string;
}

const commonWords: readonly string[] = spellWords([...englishWords, ...russianWords]);

/**
 * Finds the words of a concept set in a vocabulary.
 *
 * @see LENS, "Concepts are whole words, not first tokens"
 */
export function resolveWords(set: ConceptSet, tokenizer: ConceptTokenizer): WordSet {
  const spelled = set.concepts.map(({ id, forms }) => ({
    id,
    forms: spellWords(Object.values(forms).flat()),
  }));
  const trie = buildWordTrie(spelled, commonWords, tokenizer);
  const owners = gatherOwners(set.concepts);
  const found = new Map(trie.concepts.map((words) => [words.id, words]));
  const concepts = set.concepts.map(({ id }): WordConcept => {
    const own = [...owners.get(id)!].map((owner) => found.get(owner)!);
    const first = new Set(own.flatMap(({ endings }) => endings.map(({ node }) => firstTokenOf(trie, node))));
    return {
      id,
      owners: owners.get(id)!,
      identifiable: own.some(({ identifiable }) => identifiable),
      collisions: found.get(id)!.collisions,
      firstTokens: own.flatMap(({ firstTokens }) => firstTokens).sort((a, b) => a - b),
      beginnings: [...first].sort((a, b) => a - b),
    };
  });
  const pool = choosePool(tokenizer.size, isOtherWord(spelled, tokenizer));
  const nodes = trie.nodes.map(({ parent, token, owner }) => [parent, token, owner]);
  const tree = concepts.map(({ id, owners: all }) => [id, ...all]);
  const key = createHash('sha256')
    .update(JSON.stringify([nodes, tree, [...pool.ids]]))
    .digest('hex');
  return { trie, concepts, pool, key };
}

function firstTokenOf({ nodes }: WordTrie, ending: number): number {
  let node = nodes[ending]!;
  while (node.depth > 1) node = nodes[node.parent]!;
  return node.token;
}

/** Tokens that write letters and begin no form, however it is spelled. */
function isOtherWord(
  spelled: readonly { readonly forms: readonly string[] }[],
  tokenizer: ConceptTokenizer,
): (id: number) => boolean {
  const beginnings = new Set<string>();
  for (const { forms } of spelled) {
    for (const form of forms) {
      const text = fold(form);
      for (let length = 1; length <= text.length; length++) beginnings.add(text.slice(0, length));
    }
  }
  return (id) => {
    const text = fold(tokenizer.tokenText(id));
    // Special tokens are written <|…|>, bytes that are no character of their own ⟨hex⟩.
    return /\p{L}/u.test(text) && !/^<.*>$|⟨/u.test(text) && !beginnings.has(text);
  };
}

function fold(text: string): string {
  return text.trim().toLocaleLowerCase('ru');
}
