import type { Noun } from './schema-format.ts';

/**
 * A phrase of the schema taken apart.
 *
 * `{list}`, `{list.gen}`, `{list or}`: nouns, in a case, joined by "and" or "or"; `{value}`: a number or a text;
 * `[а|ы]`: singular or plural; `[ся|ась|ось|ись]`: masculine, feminine, neuter or plural, as the list demands.
 */
export type PhrasePart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'agreement'; readonly forms: readonly string[] }
  | { readonly kind: 'list'; readonly case: NounCase; readonly conjunction: 'and' | 'or' }
  | { readonly kind: 'value' };

export type NounCase = 'nom' | 'gen';
export type Agreement = Noun['agr'];

const partPattern = /\{value\}|\{list(\.gen)?( or)?\}|\[([^\]]*)\]/gu;
const cache = new Map<string, readonly PhrasePart[]>();

/** Takes a phrase apart; the same phrase gives the same parts. */
export function splitPhrase(phrase: string): readonly PhrasePart[] {
  const known = cache.get(phrase);
  if (known !== undefined) return known;
  const parts: PhrasePart[] = [];
  let end = 0;
  const addLiteral = (text: string) => text !== '' && parts.push({ kind: 'literal', text });
  for (const match of phrase.matchAll(partPattern)) {
    addLiteral(phrase.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[3] !== undefined) parts.push({ kind: 'agreement', forms: match[3].split('|') });
    else if (match[0] === '{value}') parts.push({ kind: 'value' });
    else parts.push({ kind: 'list', case: match[1] ? 'gen' : 'nom', conjunction: match[2] ? 'or' : 'and' });
  }
  addLiteral(phrase.slice(end));
  cache.set(phrase, parts);
  return parts;
}

/** What a list agrees like: a single noun as itself, several as a plural. */
export function agreementOf(nouns: readonly Noun[]): Agreement {
  return nouns.length === 1 ? nouns[0]!.agr : 'pl';
}

/** The form of `[…]` that agrees. */
export function agree(forms: readonly string[], agreement: Agreement): string {
  const at = forms.length === 2 ? Number(agreement === 'pl') : ['m', 'f', 'n', 'pl'].indexOf(agreement);
  return forms[at] ?? forms.at(-1)!;
}
