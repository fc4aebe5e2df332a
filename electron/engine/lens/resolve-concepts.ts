import englishWords from '../../../resources/words/common.en.json' with { type: 'json' };
import russianWords from '../../../resources/words/common.ru.json' with { type: 'json' };
import type { Concept, ConceptSet } from '../lens-trace/concept-set.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { ConceptToken } from '../lens-trace/lens-trace.ts';
import { gatherOwners } from '../readability/hierarchy.ts';
import { spellWords } from '../readability/words/spellings.ts';

/** What is needed of a checkpoint's tokenizer to find out which tokens a concept begins with. */
export interface ConceptTokenizer {
  /** Token ids without special tokens. */
  encode(text: string): number[];
  decode(ids: number[]): string;
  /** 1 + the largest token id. */
  readonly size: number;
  /** One token as a person should see it: bytes that are no character of their own as ⟨hex⟩. */
  tokenText(id: number): string;
}

export interface ResolvedConcept {
  readonly id: string;
  readonly label: Concept['label'];
  readonly role: Concept['role'];
  readonly parent?: string | undefined;
  /** Sorted by id, no id twice. */
  readonly tokens: readonly ConceptToken[];
}

/** Listed beside a token: forms of each other concept that can begin with it, and everyday words. */
const maxFormsPerConcept = 2;
const maxCommonWords = 12;
const commonWords: readonly string[] = [...englishWords, ...russianWords];

/**
 * Finds the tokens with which an answer that names a concept can begin.
 *
 * Every surface form is tried as written, capitalised, and with a leading space; each stands for its first token.
 * A token is a *fragment* when it is not by itself one of the forms ("Ret" of "Retina"); what else it could be the
 * beginning of is listed, because its probability belongs to those words too.
 *
 * @param words everyday words that fragments are compared with
 * @throws FundusLensError `concepts.invalid` when a form gives no token
 */
export function resolveConcepts(
  set: ConceptSet,
  tokenizer: ConceptTokenizer,
  words: readonly string[] = commonWords,
): ResolvedConcept[] {
  const encode = rememberEncodings(tokenizer);
  const spelledWords = words.flatMap((word) => [word, capitalise(word)]);
  const spelledForms = set.concepts.map((concept) => {
    const forms = expandForms(concept);
    for (const form of forms) if (encode(form).length === 0) throw unwritable(form, concept.id);
    return { concept, forms };
  });
  const resolved = spelledForms.map(({ concept, forms }) => {
    const own = new Set(forms.map((form) => form.trim()));
    const others = spelledForms.filter((other) => other.concept !== concept).map((other) => other.forms);
    const tokens = Array.from(
      Map.groupBy(forms, (form) => encode(form)[0]!),
      ([id, started]): ConceptToken => {
        const text = tokenizer.tokenText(id);
        const fragment = started.every((form) => encode(form).length > 1);
        const sharers = findSharers({ id, text, fragment, others, words: spelledWords, encode });
        return { id, text, forms: started, fragment, sharedWith: sharers.filter((word) => !own.has(word)) };
      },
    );
    tokens.sort((a, b) => a.id - b.id);
    const { id, label, role, parent } = concept;
    return { id, label, role, tokens, ...(parent === undefined ? {} : { parent }) };
  });
  const owners = gatherOwners(set.concepts);
  return resolved.map((concept) => {
    const own = resolved.filter(({ id }) => owners.get(concept.id)!.has(id));
    return own.length === 1 ? concept : { ...concept, tokens: joinTokens(own) };
  });
}

/** First tokens of a parent: those of everything below it, each once. */
function joinTokens(concepts: readonly ResolvedConcept[]): ConceptToken[] {
  const own = new Set(
    concepts.flatMap(({ tokens }) => tokens.flatMap(({ forms }) => forms.map((form) => form.trim()))),
  );
  const byId = Map.groupBy(
    concepts.flatMap(({ tokens }) => tokens),
    ({ id }) => id,
  );
  const joined = [...byId.values()].map((same): ConceptToken => {
    const { id, text } = same[0]!;
    const shared = new Set(same.flatMap(({ sharedWith }) => sharedWith));
    return {
      ...{ id, text, forms: [...new Set(same.flatMap(({ forms }) => forms))] },
      ...{
        fragment: same.every(({ fragment }) => fragment),
        sharedWith: [...shared].filter((word) => !own.has(word)),
      },
    };
  });
  return joined.sort((a, b) => a.id - b.id);
}

/** All spellings of a concept's forms that are tried: as written, capitalised, each with and without a space. */
export function expandForms(concept: Concept): string[] {
  return spellWords(Object.values(concept.forms).flat());
}

type Encode = (text: string) => readonly number[];

/** The forms and words of a set are looked up for every token, so each is encoded only once. */
function rememberEncodings(tokenizer: ConceptTokenizer): Encode {
  const known = new Map<string, number[]>();
  return (text) => {
    const ids = known.get(text) ?? tokenizer.encode(text);
    known.set(text, ids);
    return ids;
  };
}

interface SharerQuery {
  readonly id: number;
  readonly text: string;
  readonly fragment: boolean;
  /** Expanded forms of each other concept. */
  readonly others: readonly (readonly string[])[];
  /** Everyday words, as written and capitalised. */
  readonly words: readonly string[];
  readonly encode: Encode;
}

/**
 * Lists what else a token could begin. Of a fragment that is whatever starts with the same letters; of a whole word
 * only what the tokenizer itself splits there ("Eye" + "brow"). Forms of other concepts come first, then words that
 * share the very token, then words that merely start alike.
 */
function findSharers({ id, text, fragment, others, words, encode }: SharerQuery): string[] {
  const space = text.startsWith(' ') ? ' ' : '';
  const letters = text.trim();
  // What follows ⟨ is a byte inside a character: such a token is told apart by its id, not by its letters.
  const readable = letters.split('⟨', 1)[0]!;
  const comparable = fragment && letters !== '' && readable === letters;
  const beginsWithToken = (form: string) => encode(form)[0] === id;

  const forms = others.flatMap((concept) => {
    const sharing = concept.filter(
      (form) => beginsWithToken(form) || (comparable && form.startsWith(space + letters)),
    );
    return uniqueWords(sharing).slice(0, maxFormsPerConcept);
  });
  const alike = readable === '' ? [] : words.filter((word) => word.startsWith(readable));
  const same = alike.filter((word) => beginsWithToken(space + word));
  const listed = uniqueWords(comparable ? [...same, ...alike] : same);
  return uniqueWords([...forms, ...listed.slice(0, maxCommonWords)]);
}

/** Trims, and keeps of spellings that differ only in case the first. */
function uniqueWords(spellings: readonly string[]): string[] {
  const byLowerCase = new Map<string, string>();
  for (const spelling of spellings) {
    const word = spelling.trim();
    const key = word.toLocaleLowerCase('ru');
    if (!byLowerCase.has(key)) byLowerCase.set(key, word);
  }
  return [...byLowerCase.values()];
}

function unwritable(form: string, concept: string): FundusLensError {
  return new FundusLensError('concepts.invalid', 'A concept has a form that the model cannot write.', {
    expected: 'words that the tokenizer knows',
    found: `"${form}" of the concept ${concept}`,
    advice: 'Remove the form from the concept set.',
  });
}

function capitalise(text: string): string {
  const [first = ''] = text;
  return first.toLocaleUpperCase('ru') + text.slice(first.length);
}
