import { sha256Hex } from './database/canonical-json.ts';
import { found, query } from './database/database.ts';
import type { Database } from './database/database.ts';

export interface StoredPrompt {
  readonly id: number;
  readonly sha256: string;
  readonly title: string;
  readonly text: string;
  readonly createdAt: string;
}

/** Prompts by their exact text, because a changed space is another prompt. */
export class Prompts {
  readonly #db: Database;
  readonly #now: () => Date;

  constructor(db: Database, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  list(): StoredPrompt[] {
    return this.#db.all(query.selectFrom('prompts').selectAll().orderBy('id'));
  }

  get(id: number): StoredPrompt {
    return found(
      this.#db.get(query.selectFrom('prompts').selectAll().where('id', '=', id)),
      'such prompt',
      id,
    );
  }

  /** The prompt's id, made if its text is new; an empty title is filled in, others stay. */
  ensure(text: string, title = ''): number {
    const sha256 = sha256Hex(text);
    const known = this.#db.get(query.selectFrom('prompts').selectAll().where('sha256', '=', sha256));
    if (known === undefined) {
      const row = { sha256, title, text, createdAt: this.#now().toISOString() };
      return Number(this.#db.run(query.insertInto('prompts').values(row)).lastInsertRowid);
    }
    if (known.title === '' && title !== '') this.rename(known.id, title);
    return known.id;
  }

  rename(id: number, title: string): void {
    this.#db.run(query.updateTable('prompts').set({ title }).where('id', '=', id));
  }
}
