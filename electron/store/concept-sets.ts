import { conceptSetSchema } from '../engine/lens-trace/concept-set.ts';
import type { ConceptSet } from '../engine/lens-trace/concept-set.ts';
import { canonicalJson, sha256Hex } from './database/canonical-json.ts';
import { found, query } from './database/database.ts';
import type { Database } from './database/database.ts';

export interface StoredConceptSet {
  readonly id: number;
  readonly sha256: string;
  readonly set: ConceptSet;
  readonly createdAt: string;
}

/** Every edition of every concept set: editing one leaves the editions that traces were made with. */
export class ConceptSets {
  readonly #db: Database;
  readonly #now: () => Date;

  constructor(db: Database, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  /** The newest edition of each set. */
  list(): StoredConceptSet[] {
    const rows = query
      .selectFrom('concept_sets')
      .selectAll()
      .where('id', 'in', (sets) =>
        sets
          .selectFrom('concept_sets')
          .select((newest) => newest.fn.max<number>('id').as('id'))
          .groupBy('setId'),
      )
      .orderBy('setId');
    return this.#db.all(rows).map(toConceptSet);
  }

  get(id: number): StoredConceptSet {
    const row = this.#db.get(query.selectFrom('concept_sets').selectAll().where('id', '=', id));
    return toConceptSet(found(row, 'such concept set', id));
  }

  /** The id of this edition, made if its content is new. */
  ensure(set: ConceptSet): number {
    const body = canonicalJson(set);
    const sha256 = sha256Hex(body);
    const known = this.#db.get(query.selectFrom('concept_sets').select('id').where('sha256', '=', sha256));
    if (known !== undefined) return known.id;
    const row = { sha256, setId: set.id, body, createdAt: this.#now().toISOString() };
    return Number(this.#db.run(query.insertInto('concept_sets').values(row)).lastInsertRowid);
  }
}

function toConceptSet(row: {
  id: number;
  sha256: string;
  body: string;
  createdAt: string;
}): StoredConceptSet {
  const { id, sha256, body, createdAt } = row;
  return { id, sha256, set: conceptSetSchema.parse(JSON.parse(body)), createdAt };
}
