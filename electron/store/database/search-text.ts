/**
 * Makes an FTS5 expression of what a person typed: every word must occur, each as a prefix, and text in quotation marks
 * must occur as it stands. Operators of the query language are taken as words.
 *
 * @returns null when there is no word to search for
 */
export function toMatchExpression(text: string): string | null {
  const folded = text.normalize('NFC').replaceAll('ё', 'е').replaceAll('Ё', 'Е');
  const parts: string[] = [];
  for (const [, phrase, word] of folded.matchAll(/"([^"]*)"|([^\s"]+)/g)) {
    const words = (phrase ?? word ?? '').match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu);
    if (words === null) continue;
    parts.push(`"${words.join(' ')}"${phrase === undefined ? '*' : ''}`);
  }
  return parts.length === 0 ? null : parts.join(' AND ');
}
