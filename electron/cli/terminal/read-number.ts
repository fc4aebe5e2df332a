import { InvalidArgumentError } from 'commander';

/** Reads a whole number of an option. */
export function readNumber(smallest: number, largest = 999_999): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,6}$/.test(text) && value >= smallest && value <= largest) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${smallest} to ${largest}.`);
  };
}

/** Reads a list such as `0,5,10-20`, in the order given. */
export function readNumbers(smallest: number): (text: string) => number[] {
  return (text) =>
    text.split(',').flatMap((part) => {
      const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part.trim()) ?? [];
      const [from, to] = [Number(first), Number(last)];
      if (first === undefined || from < smallest || to < from || to - from > 100_000) {
        throw new InvalidArgumentError(`It must be a list like ${smallest},5,10-20.`);
      }
      return Array.from({ length: to - from + 1 }, (_, index) => from + index);
    });
}
