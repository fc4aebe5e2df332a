/**
 * Matches a phrase at a place in a text, regardless of capitals and "ё"; a space stands for any white space.
 *
 * @returns offset behind the phrase, or null
 */
export function matchLiteral(text: string, start: number, phrase: string): number | null {
  let at = start;
  for (const char of phrase) {
    if (char === ' ') {
      const space = /^\s+/.exec(text.slice(at, at + 64))?.[0].length ?? 0;
      if (space === 0) return null;
      at += space;
    } else {
      const found = text.slice(at, at + char.length);
      if (found !== char && fold(found) !== fold(char)) return null;
      at += char.length;
    }
  }
  return at;
}

function fold(char: string): string {
  return char.toLowerCase().replace('ё', 'е');
}
