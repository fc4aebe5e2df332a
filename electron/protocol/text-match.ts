/**
 * Matches a phrase at a place in a text, regardless of capitals and "ё"; a space stands for any white space.
 *
 * @returns offset behind the phrase, or null
 */
export function matchLiteral(text: string, start: number, phrase: string): number | null {
  let at = start;
  for (const char of phrase) {
    if (char === ' ') {
      const space = at;
      while (isSpace(text[at])) at++;
      if (at === space) return null;
    } else {
      const found = text.slice(at, at + char.length);
      if (found !== char && fold(found) !== fold(char)) return null;
      at += char.length;
    }
  }
  return at;
}

/** Folding is asked for the same few letters again and again. */
const folded = new Map<string, string>();

function fold(char: string): string {
  let letter = folded.get(char);
  if (letter === undefined) {
    letter = char.toLowerCase().replace('ё', 'е');
    folded.set(char, letter);
  }
  return letter;
}

function isSpace(char: string | undefined): boolean {
  return char !== undefined && (char === ' ' || /\s/.test(char));
}
