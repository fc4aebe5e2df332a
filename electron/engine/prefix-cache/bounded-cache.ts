/**
 * Remembers values up to a total size; what was used longest ago is forgotten first.
 *
 * Sizes may be bytes or anything else that adds up.
 */
export class BoundedCache<V> {
  readonly maxSize: number;
  /** Oldest use first. */
  readonly #entries = new Map<string, { readonly value: V; readonly size: number }>();
  #size = 0;

  constructor(maxSize: number) {
    this.maxSize = maxSize;
  }

  /** Of everything remembered; at most {@link maxSize}. */
  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /**
   * Remembers a value, in the place of an older one under the same key.
   *
   * @param options.onlyIfRoom forgets nothing else for it
   * @returns whether it is remembered
   */
  put(
    key: string,
    value: V,
    size: number,
    { onlyIfRoom = false }: { readonly onlyIfRoom?: boolean } = {},
  ): boolean {
    this.#forget(key);
    if (size > (onlyIfRoom ? this.maxSize - this.#size : this.maxSize)) return false;
    for (const oldest of [...this.#entries.keys()]) {
      if (this.#size + size <= this.maxSize) break;
      this.#forget(oldest);
    }
    this.#entries.set(key, { value, size });
    this.#size += size;
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.#size = 0;
  }

  #forget(key: string): void {
    this.#size -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }
}
