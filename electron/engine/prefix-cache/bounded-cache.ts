import { LRUCache } from 'lru-cache';

/**
 * Remembers values up to a total size; what was used longest ago is forgotten first.
 *
 * Sizes may be bytes or anything else that adds up, in whole numbers from 1.
 */
export class BoundedCache<V extends object> {
  readonly maxSize: number;
  /** null where nothing may be remembered. */
  readonly #entries: LRUCache<string, V> | null;

  /** @param maxSize whole; 0 remembers nothing */
  constructor(maxSize: number) {
    this.maxSize = maxSize;
    this.#entries = maxSize < 1 ? null : new LRUCache<string, V>({ maxSize });
  }

  /** Of everything remembered; at most {@link maxSize}. */
  get size(): number {
    return this.#entries?.calculatedSize ?? 0;
  }

  get(key: string): V | undefined {
    return this.#entries?.get(key);
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
    this.#entries?.delete(key);
    if (size > (onlyIfRoom ? this.maxSize - this.size : this.maxSize)) return false;
    this.#entries?.set(key, value, { size });
    return this.#entries !== null;
  }

  clear(): void {
    this.#entries?.clear();
  }
}
