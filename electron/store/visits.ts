import type { Visit } from '../contract/images/visits.ts';
import type { AuditLog } from './audit-log.ts';
import { found, query } from './database/database.ts';
import type { Database } from './database/database.ts';

export class Visits {
  readonly #db: Database;
  readonly #audit: AuditLog;

  constructor(db: Database, audit: AuditLog) {
    this.#db = db;
    this.#audit = audit;
  }

  get(id: number): Visit {
    return found(this.#db.get(query.selectFrom('visits').selectAll().where('id', '=', id)), 'such visit', id);
  }

  /** Oldest first; visits without a date last. */
  ofPatient(patientId: number): (Visit & { readonly imageCount: number })[] {
    return this.#db.rows(
      `SELECT visits.*, (SELECT count(*) FROM images WHERE images.visitId = visits.id) AS imageCount
      FROM visits WHERE patientId = ? ORDER BY date IS NULL, date, id`,
      [patientId],
    );
  }

  /**
   * The patient's visit of this key, made if there is none. Libraries of earlier versions keep a visit for each DICOM
   * study; a study that is known belongs where it was.
   */
  ensure(patientId: number, visit: Pick<Visit, 'key' | 'date' | 'label' | 'studyUid'>): number {
    const [known] = this.#db.rows<{ id: number }>(
      `SELECT id FROM visits WHERE patientId = ? AND key IN (?, ?) ORDER BY key = ? LIMIT 1`,
      [patientId, visit.key, `study ${visit.studyUid ?? ''}`, visit.key],
    );
    if (known !== undefined) return known.id;
    const { lastInsertRowid } = this.#db.run(query.insertInto('visits').values({ patientId, ...visit }));
    return Number(lastInsertRowid);
  }

  update(id: number, change: Partial<Pick<Visit, 'date' | 'label' | 'note'>>): Visit {
    return this.#db.transaction(() => {
      if (Object.keys(change).length > 0) {
        this.#db.run(query.updateTable('visits').set(change).where('id', '=', id));
      }
      this.#audit.append('visit.update', `visit ${id}`, { fields: Object.keys(change) });
      return this.get(id);
    });
  }
}
