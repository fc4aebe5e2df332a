import { findingsNamed } from '../../contract/protocols/finding-names.ts';

/**
 * Makes an FTS5 expression of what a person typed: every word must occur, each as a prefix, and text in quotation marks
 * must occur as it stands. Operators of the query language are taken as words. A finding is found by its name in either
 * language, whatever the language of its label.
 *
 * @returns null when there is no word to search for
 */
export function toMatchExpression(text: string): string | null {
  const folded = text.normalize('NFC').replaceAll('ё', 'е').replaceAll('Ё', 'Е');
  const parts: string[] = [];
  for (const [, phrase, word] of folded.matchAll(/"([^"]*)"|([^\s"]+)/g)) {
    const words = (phrase ?? word ?? '').match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu);
    if (words === null) continue;
    if (phrase !== undefined) {
      parts.push(`"${words.join(' ')}"`);
      continue;
    }
    // Two letters begin too many names; labels are searched for as phrases, since a hyphen parts words.
    const labels = words.length === 1 && words[0].length > 2 ? findingsNamed(words[0]) : [];
    const choices = [`"${words.join(' ')}"*`, ...labels.map((label) => `"${label.replaceAll('-', ' ')}"`)];
    parts.push(choices.length === 1 ? choices[0]! : `(${choices.join(' OR ')})`);
  }
  return parts.length === 0 ? null : parts.join(' AND ');
}
