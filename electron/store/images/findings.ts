import type { Finding } from '../../contract/images/images.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';

export interface NewFinding {
  readonly imageId: number;
  readonly label: string;
  readonly source: Finding['source'];
  readonly value?: string | null;
  readonly note?: string;
}

/** What somebody saw in an image: the labels that lens readings are compared with. */
export class Findings {
  readonly #db: Database;
  readonly #now: () => Date;

  constructor(db: Database, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  ofImage(imageId: number): Finding[] {
    return this.#db.all(
      query.selectFrom('findings').selectAll().where('imageId', '=', imageId).orderBy('id'),
    );
  }

  /** Labels in use, commonest first. */
  labels(): { label: string; imageCount: number }[] {
    return this.#db.rows(
      `SELECT label, count(DISTINCT imageId) AS imageCount FROM findings GROUP BY label ORDER BY 2 DESC, 1`,
    );
  }

  /** Adds the finding; the same label from the same source on the same image is replaced. */
  put(finding: NewFinding): Finding {
    const { imageId, label, source, value = null, note = '' } = finding;
    return this.#db.transaction(() => {
      const now = this.#now().toISOString();
      this.#db.run(
        query
          .insertInto('findings')
          .values({ imageId, label, source, value, note, createdAt: now })
          .onConflict((conflict) =>
            conflict.columns(['imageId', 'label', 'source']).doUpdateSet({ value, note }),
          ),
      );
      const row = this.#db.get(
        query
          .selectFrom('findings')
          .selectAll()
          .where('imageId', '=', imageId)
          .where('label', '=', label)
          .where('source', '=', source),
      );
      return found(row, 'such finding');
    });
  }

  remove(id: number): void {
    this.#db.run(query.deleteFrom('findings').where('id', '=', id));
  }
}
