/** Every spelling of words that is tried: as written, capitalised, each with and without a space before it. */
export function spellWords(words: readonly string[]): string[] {
  const spelled = words.flatMap((word) => {
    const [first = ''] = word;
    const capitalised = first.toLocaleUpperCase('ru') + word.slice(first.length);
    return [word, capitalised, ` ${word}`, ` ${capitalised}`];
  });
  return [...new Set(spelled)];
}
