/**
 * Reads `0, 3, 26-28` as numbers.
 *
 * @returns ascending, each once; null when something else stands there, or a number is above `last`
 */
export function parseNumberList(text: string, last: number): number[] | null {
  const found = new Set<number>();
  for (const part of text.split(/[,;\s]+/).filter((word) => word !== '')) {
    const [, from, to] = /^(\d{1,6})(?:[-–](\d{1,6}))?$/.exec(part) ?? [];
    if (from === undefined) return null;
    const [start, end] = [Number(from), Number(to ?? from)];
    if (start > end || end > last) return null;
    for (let value = start; value <= end; value++) found.add(value);
  }
  return found.size === 0 ? null : [...found].sort((a, b) => a - b);
}
