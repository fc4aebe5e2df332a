/** What is needed of a vocabulary. */
export interface WordTokenizer {
  /** Token ids without special tokens. */
  encode(text: string): readonly number[];
  /** One token as a person sees it: bytes that are no character of their own as ⟨hex⟩. */
  tokenText(id: number): string;
}

/** A concept with every spelling that is tried; spellings that begin with a space are words too. */
export interface SpelledConcept {
  readonly id: string;
  readonly forms: readonly string[];
}

/** A token after what leads to it. The first node is the position that is read, and has no token. */
export interface TrieNode {
  readonly index: number;
  /** −1 of the first node. */
  readonly parent: number;
  readonly token: number;
  /** Tokens from the position on; 0 of the first node. */
  readonly depth: number;
  /** By token, places in the list of nodes. */
  readonly children: ReadonlyMap<number, number>;
  /** The concept whose word an answer is that comes through here and then leaves the trie, or {@link nobody}. */
  readonly owner: string;
  /** Of this node and all below it. */
  readonly ownersBelow: ReadonlySet<string>;
}

/** A spelling that says nothing of its concept in this vocabulary. */
export interface Collision {
  readonly form: string;
  /** The other concepts and common words; empty where the form is a single letter or byte. */
  readonly with: readonly string[];
}

export interface ConceptWords {
  readonly id: string;
  /** False when no form can be told apart. */
  readonly identifiable: boolean;
  /** Nodes at which a form is told apart, with the forms that end or pass there. */
  readonly endings: readonly {
    readonly node: number;
    readonly depth: number;
    readonly forms: readonly string[];
  }[];
  readonly collisions: readonly Collision[];
  /** Tokens that tell the concept apart by themselves, so that a position which is read by first tokens can be asked. */
  readonly firstTokens: readonly number[];
}

/** The words of a concept set as short continuations of one position. */
export interface WordTrie {
  readonly nodes: readonly TrieNode[];
  readonly concepts: readonly ConceptWords[];
}

/** Owner of nodes at which nothing is told yet, that belong to a common word, or to several concepts alike. */
export const nobody = '';

interface GrowingNode {
  readonly index: number;
  readonly parent: number;
  readonly token: number;
  readonly depth: number;
  /** As written so far, bytes that are no character yet as one replacement character. */
  readonly text: string;
  /** The tokens' texts one after the other. */
  readonly written: string;
  readonly children: Map<number, number>;
  /** Concepts and common words whose spelling passes through or ends here. */
  readonly passing: Set<string>;
  /** null where it is that of the node before. */
  owner: string | null;
}

type CopiedNode = Omit<TrieNode, 'children'> & { readonly children: Map<number, number> };

interface FoundEndings {
  readonly id: string;
  readonly endings: readonly (readonly [GrowingNode, readonly string[]])[];
  readonly collisions: readonly Collision[];
}

interface Spelling {
  readonly concept: string;
  readonly form: string;
  readonly path: readonly GrowingNode[];
}

/** Marks a common word among the ids of concepts, none of which holds a space. */
const wordMark = ' ';

/**
 * Finds for every spelling of every concept how many of its tokens tell it apart.
 *
 * A spelling is told apart at the first token by which its first word is whole, at least two letters are there, and neither
 * another concept's spelling nor a common word goes on through it. One that never is, because others go on from it ("cat"
 * from "cataract"), is told apart at its end: its probability is that of its tokens less that of the others' continuations.
 * Nothing is told apart that is a single letter or byte, or the same tokens as another concept's spelling.
 *
 * @param words common words in every spelling; those that are also a concept's form are passed over
 * @throws RangeError for a form without any token
 * @see LENS, "Concepts are whole words, not first tokens"
 */
export function buildWordTrie(
  concepts: readonly SpelledConcept[],
  words: readonly string[],
  tokenizer: WordTokenizer,
): WordTrie {
  const nodes: GrowingNode[] = [makeNode(0, null, -1, '')];
  const spellings: Spelling[] = [];
  const formTexts = new Set<string>();
  for (const { id, forms } of concepts) {
    for (const form of forms) {
      formTexts.add(fold(form));
      const tokens = tokenizer.encode(form);
      if (tokens.length === 0) throw new RangeError(`"${form}" of ${id} has no token`);
      spellings.push({ concept: id, form, path: walk(nodes, tokens, tokenizer, id) });
    }
  }
  // Only words that go on where the first word of a form ends can matter; encoding all of them would take seconds.
  const firstWords = new Set(concepts.flatMap(({ forms }) => forms.map(firstWordOf)));
  const wordPaths: { readonly path: readonly GrowingNode[] }[] = [];
  for (const word of words) {
    if (formTexts.has(fold(word)) || !beginsLike(word.trim(), firstWords)) continue;
    const tokens = tokenizer.encode(word);
    wordPaths.push({ path: walk(nodes, tokens, tokenizer, `${wordMark}${word.trim()}`) });
  }
  for (const { path } of wordPaths) path.at(-1)!.owner = nobody;

  const endings = new Map(concepts.map(({ id }) => [id, new Map<GrowingNode, string[]>()]));
  const collisions = new Map(concepts.map(({ id }) => [id, [] as Collision[]]));
  const wholes = Map.groupBy(spellings, ({ path }) => path.at(-1)!);
  for (const { concept, form, path } of spellings) {
    const end = path.at(-1)!;
    const others = [...new Set(wholes.get(end)!.map((other) => other.concept))].filter(
      (id) => id !== concept,
    );
    if (others.length > 0 || !isWord(end.text)) {
      end.owner = nobody;
      collisions.get(concept)!.push({ form, with: others });
      continue;
    }
    const apart = path.find(
      (node) => isWord(node.text) && holdsFirstWord(node.text, form) && node.passing.size === 1,
    );
    const node = apart ?? end;
    node.owner ??= concept;
    const own = endings.get(concept)!;
    own.set(node, [...(own.get(node) ?? []), form]);
  }
  return prune(
    nodes,
    concepts.map(({ id }) => {
      const own = [...endings.get(id)!].filter(([node]) => node.owner === id);
      return { id, endings: own, collisions: collisions.get(id)! };
    }),
  );
}

/** Keeps what decides to whom an answer belongs: branches in which the owner never changes are cut off. */
function prune(grown: readonly GrowingNode[], concepts: readonly FoundEndings[]): WordTrie {
  const nodes: CopiedNode[] = [];
  const placed = new Map<GrowingNode, number>();
  const childrenOf = (node: GrowingNode) => [...node.children.values()].map((child) => grown[child]!);
  const changesBelow = (node: GrowingNode, owner: string): boolean =>
    childrenOf(node).some((child) => (child.owner ?? owner) !== owner || changesBelow(child, owner));
  const copy = (node: GrowingNode, parent: number, owner: string): number => {
    const index = nodes.length;
    const children = new Map<number, number>();
    const ownersBelow = new Set([owner]);
    nodes.push({ index, parent, token: node.token, depth: node.depth, children, owner, ownersBelow });
    placed.set(node, index);
    for (const child of childrenOf(node)) {
      const next = child.owner ?? owner;
      if (next === owner && !changesBelow(child, next)) continue;
      const copied = copy(child, index, next);
      children.set(child.token, copied);
      for (const below of nodes[copied]!.ownersBelow) ownersBelow.add(below);
    }
    return index;
  };
  copy(grown[0]!, -1, nobody);
  /** Of an ending inside another of the same concept, that one. */
  const placeOf = (node: GrowingNode): number => placed.get(node) ?? placeOf(grown[node.parent]!);
  return {
    nodes,
    concepts: concepts.map(({ id, endings, collisions }) => {
      const byPlace = new Map<number, string[]>();
      for (const [node, forms] of endings) {
        const place = placeOf(node);
        byPlace.set(place, [...(byPlace.get(place) ?? []), ...forms]);
      }
      const alone = [...nodes[0]!.children].filter(([, child]) => {
        const { owner, children } = nodes[child]!;
        return owner === id && children.size === 0;
      });
      return {
        id,
        identifiable: endings.length > 0,
        endings: [...byPlace].map(([node, forms]) => ({ node, depth: nodes[node]!.depth, forms })),
        collisions,
        firstTokens: alone.map(([token]) => token),
      };
    }),
  };
}

function makeNode(index: number, parent: GrowingNode | null, token: number, tokenText: string): GrowingNode {
  const depth = parent === null ? 0 : parent.depth + 1;
  const written = (parent?.written ?? '') + tokenText;
  return {
    ...{ index, parent: parent?.index ?? -1, token, depth, text: joinBytes(written), written },
    ...{ children: new Map(), passing: new Set(), owner: null },
  };
}

/** Bytes that were shown one by one, as the characters that they have become together. */
function joinBytes(written: string): string {
  return written.replaceAll(/(?:⟨[0-9a-f]{2}⟩)+/g, (bytes) => {
    const values = [...bytes.matchAll(/[0-9a-f]{2}/g)].map(([hex]) => parseInt(hex, 16));
    return new TextDecoder().decode(Uint8Array.from(values));
  });
}

function walk(
  nodes: GrowingNode[],
  tokens: readonly number[],
  tokenizer: WordTokenizer,
  passer: string,
): GrowingNode[] {
  let node = nodes[0]!;
  return tokens.map((token) => {
    const known = node.children.get(token);
    const next =
      known === undefined ? makeNode(nodes.length, node, token, tokenizer.tokenText(token)) : nodes[known]!;
    if (known === undefined) {
      nodes.push(next);
      node.children.set(token, next.index);
    }
    next.passing.add(passer);
    node = next;
    return next;
  });
}

/** At least two letters or digits; a byte of a split character is none. */
function isWord(text: string): boolean {
  return (text.match(/[\p{L}\p{N}]/gu)?.length ?? 0) >= 2;
}

/** Whether what has been written so far holds the first word of a form. */
function holdsFirstWord(text: string, form: string): boolean {
  return text.trimStart().startsWith(firstWordOf(form));
}

function firstWordOf(form: string): string {
  return form.trim().split(/\s/u, 1)[0]!;
}

function beginsLike(word: string, beginnings: ReadonlySet<string>): boolean {
  for (let length = 1; length <= word.length; length++)
    if (beginnings.has(word.slice(0, length))) return true;
  return false;
}

function fold(text: string): string {
  return text.trim().toLocaleLowerCase('ru');
}
