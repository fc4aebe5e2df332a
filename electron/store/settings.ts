import type { z } from 'zod';
import { query } from './database/database.ts';
import type { Database } from './database/database.ts';

/** Small values of the library, as JSON by key. */
export class Settings {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The stored value, or `fallback` when there is none or it no longer fits the schema. */
  get<T>(key: string, schema: z.ZodType<T>, fallback: T): T {
    const row = this.#db.get(query.selectFrom('settings').select('value').where('key', '=', key));
    if (row === undefined) return fallback;
    const parsed = schema.safeParse(JSON.parse(row.value));
    return parsed.success ? parsed.data : fallback;
  }

  set(key: string, value: unknown): void {
    const text = JSON.stringify(value);
    this.#db.run(
      query
        .insertInto('settings')
        .values({ key, value: text })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: text })),
    );
  }
}
