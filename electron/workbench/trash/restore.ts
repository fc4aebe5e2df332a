import { z } from 'zod';
import type { Library } from '../../store/library/library.ts';

const entriesSchema = z.record(z.string(), z.unknown());

/** Puts things back, the one removed last first, all or none. */
export function restoreAll(library: Library, ids: readonly number[]): void {
  library.transaction(() => {
    for (const id of ids.toReversed()) {
      const { settings } = library.trash.restore(id);
      for (const [key, value] of Object.entries(settings)) putBack(library, key, JSON.parse(value));
    }
    while (library.traces.judgeSome(100) > 0);
  });
}

/** Entries of a list join those that there are now, which stand where both have the same name. */
function putBack(library: Library, key: string, removed: unknown): void {
  const entries = entriesSchema.safeParse(removed);
  const value = entries.success
    ? { ...entries.data, ...library.settings.get(key, entriesSchema, {}) }
    : removed;
  library.settings.set(key, value);
}
