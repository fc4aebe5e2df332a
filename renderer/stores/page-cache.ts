/** Pages of a long list by their number; the most recently used ones are kept. */
export class PageCache<T> {
  readonly #pages = new Map<number, readonly T[]>();
  readonly #pageSize: number;
  readonly #limit: number;

  constructor(pageSize: number, limit: number) {
    this.#pageSize = pageSize;
    this.#limit = limit;
  }

  at(index: number): T | undefined {
    return this.#pages.get(Math.floor(index / this.#pageSize))?.[index % this.#pageSize];
  }

  put(page: number, items: readonly T[]): void {
    this.#pages.delete(page);
    this.#pages.set(page, items);
    while (this.#pages.size > this.#limit) this.#pages.delete(this.#pages.keys().next().value!);
  }

  clear(): void {
    this.#pages.clear();
  }

  /** Numbers of the pages between two places that are not here, the middle of the range first. */
  missing(from: number, to: number): number[] {
    const first = Math.floor(from / this.#pageSize);
    const last = Math.floor(to / this.#pageSize);
    const middle = (first + last) / 2;
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset)
      .filter((page) => !this.#pages.has(page))
      .sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
  }

  *items(): Generator<T> {
    for (const page of this.#pages.values()) yield* page;
  }
}
