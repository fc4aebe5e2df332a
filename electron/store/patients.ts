import { FundusLensError } from '../contract/errors.ts';
import type { Patient } from '../contract/images/patients.ts';
import type { Visit } from '../contract/images/visits.ts';
import type { AuditLog } from './audit-log.ts';
import { found, query } from './database/database.ts';
import type { Database } from './database/database.ts';
import { naturalKey } from './database/natural-key.ts';

export type NewPatient = Pick<Patient, 'code'> & Partial<Omit<Patient, 'id' | 'code' | 'createdAt'>>;
/** A merge of two patients, as it was before. */
export interface MergedPatients {
  readonly patient: Patient;
  readonly target: Patient;
  readonly visits: readonly Visit[];
  readonly images: readonly { readonly id: number; readonly visitId: number | null }[];
}

/** A split of a patient, as it was before. */
export interface SplitPatient {
  readonly from: number;
  readonly into: number;
  /** The other patient came with the split. */
  readonly isNew: boolean;
  readonly visits: readonly Visit[];
  readonly images: readonly { readonly id: number; readonly visitId: number | null }[];
}

export type PatientSummary = Patient & { readonly imageCount: number };

/** Names stay in this table and in the search index; nothing here puts one into a message or the audit log. */
export class Patients {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #now: () => Date;

  constructor(db: Database, audit: AuditLog, now: () => Date) {
    this.#db = db;
    this.#audit = audit;
    this.#now = now;
  }

  get(id: number): Patient {
    return found(this.#db.get(columns().where('id', '=', id)), 'such patient', id);
  }

  findByCode(code: string): Patient | undefined {
    return this.#db.get(columns().where('code', '=', normaliseCode(code)));
  }

  /** In natural order of the codes, P2 before P10; `after` is the last patient of the page before. */
  list({ limit, after }: { readonly limit: number; readonly after?: Patient }): PatientSummary[] {
    return this.#db.rows<PatientSummary>(
      `SELECT id, code, name, birthYear, sex, note, createdAt,
        (SELECT count(*) FROM images WHERE images.patientId = patients.id) AS imageCount
      FROM patients WHERE (codeKey, id) > (?, ?) ORDER BY codeKey, id LIMIT ?`,
      [after === undefined ? '' : naturalKey(after.code), after?.id ?? 0, limit],
    );
  }

  count(): number {
    return this.#db.rows<{ n: number }>('SELECT count(*) AS n FROM patients')[0]!.n;
  }

  add(patient: NewPatient): Patient {
    return this.#db.transaction(() => {
      const id = this.#insert(patient);
      this.#audit.append('patient.add', `patient ${id}`);
      return this.get(id);
    });
  }

  /** The patient of this code, made if there is none; what is already known is never overwritten. */
  ensure(patient: NewPatient): number {
    const known = this.findByCode(patient.code);
    if (known === undefined) return this.#insert(patient);
    const fill = {
      name: known.name ?? patient.name ?? null,
      birthYear: known.birthYear ?? patient.birthYear ?? null,
      sex: known.sex ?? patient.sex ?? null,
    };
    if (fill.name !== known.name || fill.birthYear !== known.birthYear || fill.sex !== known.sex) {
      this.#db.run(query.updateTable('patients').set(fill).where('id', '=', known.id));
    }
    return known.id;
  }

  update(id: number, change: Partial<Omit<Patient, 'id' | 'createdAt'>>): Patient {
    return this.#db.transaction(() => {
      this.get(id);
      const code = change.code === undefined ? undefined : normaliseCode(change.code);
      const values = code === undefined ? change : { ...change, code, codeKey: naturalKey(code) };
      if (Object.keys(values).length > 0) {
        this.#db.run(query.updateTable('patients').set(values).where('id', '=', id));
      }
      this.#audit.append('patient.update', `patient ${id}`, { fields: Object.keys(change) });
      return this.get(id);
    });
  }

  /**
   * Gives a patient's images and visits to another and removes the patient. Visits of the same key become one; what is
   * not known of the other patient is taken over, what is known stays.
   *
   * @returns what {@link unmerge} needs to take it back
   * @throws input.invalid for a patient and itself
   */
  merge(id: number, into: number): MergedPatients {
    if (id === into) throw new FundusLensError('input.invalid', 'A patient cannot be merged with itself.');
    return this.#db.transaction(() => {
      const merged: MergedPatients = {
        patient: this.get(id),
        target: this.get(into),
        visits: this.#db.all(query.selectFrom('visits').selectAll().where('patientId', '=', id)),
        images: this.#db.all(
          query.selectFrom('images').select(['id', 'visitId']).where('patientId', '=', id),
        ),
      };
      this.#db.run(query.updateTable('images').set({ patientId: into }).where('patientId', '=', id));
      this.#moveVisits(merged.visits, into);
      this.#db.run(query.deleteFrom('patients').where('id', '=', id));
      const { name, birthYear, sex } = merged.patient;
      this.ensure({ code: merged.target.code, name, birthYear, sex });
      this.#audit.append('patient.merge', `patient ${id}`, { into, images: merged.images.length });
      return merged;
    });
  }

  /** Takes a merge back: patient, visits and images are what they were. */
  unmerge({ patient, target, visits, images }: MergedPatients): void {
    this.#db.transaction(() => {
      this.#db.run(query.insertInto('patients').values({ ...patient, codeKey: naturalKey(patient.code) }));
      this.#bringBack(visits, images, patient.id);
      const { name, birthYear, sex } = target;
      this.#db.run(query.updateTable('patients').set({ name, birthYear, sex }).where('id', '=', target.id));
      this.#audit.append('patient.unmerge', `patient ${patient.id}`, { from: target.id });
    });
  }

  /**
   * Gives visits and their images to the patient of a code, who is made when there is none. Visits of the same key become one.
   *
   * @returns what {@link unsplit} needs to take it back
   * @throws input.invalid for the patient's own code, and for visits of another patient
   */
  split(id: number, visitIds: readonly number[], code: string): SplitPatient {
    return this.#db.transaction(() => {
      this.get(id);
      const known = this.findByCode(code);
      if (known?.id === id)
        throw new FundusLensError('input.invalid', 'The visits are this patient’s already.');
      const visits = visitIds.map((visitId) => {
        const visit = this.#db.get(query.selectFrom('visits').selectAll().where('id', '=', visitId));
        if (visit?.patientId !== id)
          throw new FundusLensError('input.invalid', 'A visit is not one of this patient.');
        return visit;
      });
      const into = known?.id ?? this.#insert({ code });
      const images = this.#db.all(
        query
          .selectFrom('images')
          .select(['id', 'visitId'])
          .where('visitId', 'in', [...visitIds]),
      );
      this.#moveVisits(visits, into);
      for (const image of images) {
        this.#db.run(query.updateTable('images').set({ patientId: into }).where('id', '=', image.id));
      }
      this.#audit.append('patient.split', `patient ${id}`, {
        into,
        visits: visits.length,
        images: images.length,
      });
      return { from: id, into, isNew: known === undefined, visits, images };
    });
  }

  /** Takes a split back. */
  unsplit({ from, into, isNew, visits, images }: SplitPatient): void {
    this.#db.transaction(() => {
      this.#bringBack(visits, images, from);
      if (isNew) this.#db.run(query.deleteFrom('patients').where('id', '=', into));
      this.#audit.append('patient.unsplit', `patient ${from}`, { from: into });
    });
  }

  /** Visits of the same key become one, whose images the other's are now. */
  #moveVisits(visits: readonly Visit[], into: number): void {
    for (const visit of visits) {
      const same = this.#db.get(
        query.selectFrom('visits').select('id').where('patientId', '=', into).where('key', '=', visit.key),
      );
      if (same === undefined) {
        this.#db.run(query.updateTable('visits').set({ patientId: into }).where('id', '=', visit.id));
      } else {
        this.#db.run(query.updateTable('images').set({ visitId: same.id }).where('visitId', '=', visit.id));
        this.#db.run(query.deleteFrom('visits').where('id', '=', visit.id));
      }
    }
  }

  #bringBack(visits: readonly Visit[], images: SplitPatient['images'], patientId: number): void {
    for (const visit of visits) {
      const kept = this.#db.get(query.selectFrom('visits').select('id').where('id', '=', visit.id));
      if (kept === undefined) this.#db.run(query.insertInto('visits').values(visit));
      else this.#db.run(query.updateTable('visits').set({ patientId }).where('id', '=', visit.id));
    }
    for (const { id, visitId } of images) {
      this.#db.run(query.updateTable('images').set({ patientId, visitId }).where('id', '=', id));
    }
  }

  /** Removes a patient without images, and the visits; images must be moved or removed first. */
  remove(id: number): void {
    this.#db.transaction(() => {
      const image = this.#db.get(
        query.selectFrom('images').select('id').where('patientId', '=', id).limit(1),
      );
      if (image !== undefined) {
        throw new FundusLensError('input.invalid', 'The patient still has images.', {
          advice: 'remove the images first, or give them to another patient',
        });
      }
      this.#db.run(query.deleteFrom('patients').where('id', '=', id));
      this.#audit.append('patient.remove', `patient ${id}`);
    });
  }

  #insert(patient: NewPatient): number {
    const code = normaliseCode(patient.code);
    const { lastInsertRowid } = this.#db.run(
      query.insertInto('patients').values({
        code,
        codeKey: naturalKey(code),
        name: patient.name ?? null,
        birthYear: patient.birthYear ?? null,
        sex: patient.sex ?? null,
        note: patient.note ?? '',
        createdAt: this.#now().toISOString(),
      }),
    );
    return Number(lastInsertRowid);
  }
}

function columns() {
  return query.selectFrom('patients').select(['id', 'code', 'name', 'birthYear', 'sex', 'note', 'createdAt']);
}

/** One spelling per code: composed characters, no surrounding white space. */
export function normaliseCode(code: string): string {
  return code.normalize('NFC').trim();
}
