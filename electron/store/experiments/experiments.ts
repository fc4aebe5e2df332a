import type { Selectable } from 'kysely';
import type { TaskState } from '../../contract/app/tasks.ts';
import type { AuditLog } from '../audit-log.ts';
import { sha256Hex } from '../database/canonical-json.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { damagedLibrary } from '../database/database-errors.ts';
import type { ExperimentsTable } from '../database/tables.ts';

export type StoredExperiment = Selectable<ExperimentsTable>;

/** What the library has of one trace that an experiment consists of. */
export interface ExperimentCell {
  readonly contentKey: string;
  readonly traceId: number | null;
  /** Row of the queue; null when it was never ordered, or was made before. */
  readonly taskId: number | null;
  readonly state: TaskState | null;
  /** JSON of a problem. */
  readonly error: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** Experiments by their plan: the same plan again is the same experiment. */
export class Experiments {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #now: () => Date;

  constructor(db: Database, audit: AuditLog, now: () => Date) {
    this.#db = db;
    this.#audit = audit;
    this.#now = now;
  }

  /** Newest first. */
  list(): StoredExperiment[] {
    return this.#db.all(query.selectFrom('experiments').selectAll().orderBy('id', 'desc'));
  }

  /** @throws input.invalid when there is no such experiment; library.damaged when its plan is not the one that was fixed */
  get(id: number): StoredExperiment {
    const row = this.#db.get(query.selectFrom('experiments').selectAll().where('id', '=', id));
    const experiment = found(row, 'such experiment', id);
    if (sha256Hex(experiment.plan) !== experiment.planSha256)
      throw damagedLibrary(`the plan of experiment ${id} has changed`);
    return experiment;
  }

  findByPlan(planSha256: string): StoredExperiment | undefined {
    return this.#db.get(query.selectFrom('experiments').selectAll().where('planSha256', '=', planSha256));
  }

  /** @param plan canonical JSON, whose SHA-256 it is known by */
  add(
    { title, document, conceptSetId }: Pick<StoredExperiment, 'title' | 'document' | 'conceptSetId'>,
    plan: string,
  ): StoredExperiment {
    const planSha256 = sha256Hex(plan);
    return this.#db.transaction(() => {
      const known = this.findByPlan(planSha256);
      if (known !== undefined) return known;
      const row = { title, document, plan, planSha256, conceptSetId, createdAt: this.#now().toISOString() };
      const { lastInsertRowid } = this.#db.run(query.insertInto('experiments').values(row));
      this.#audit.append('experiment.fix', `experiment ${Number(lastInsertRowid)}`, { planSha256 });
      return this.get(Number(lastInsertRowid));
    });
  }

  remove(id: number): void {
    const { planSha256 } = this.get(id);
    this.#db.run(query.deleteFrom('experiments').where('id', '=', id));
    this.#audit.append('experiment.remove', `experiment ${id}`, { planSha256 });
  }

  /** In the order of the keys: whether each trace is there, and what became of its task. */
  cells(contentKeys: readonly string[]): ExperimentCell[] {
    return this.#db.rows<ExperimentCell>(
      `SELECT keys.value AS contentKey, traces.id AS traceId, jobs.id AS taskId, jobs.state, jobs.error,
        jobs.startedAt, jobs.finishedAt
      FROM json_each(?) AS keys
      LEFT JOIN traces ON traces.contentKey = keys.value
      LEFT JOIN jobs ON jobs.contentKey = keys.value
      ORDER BY keys.key`,
      [JSON.stringify(contentKeys)],
    );
  }
}
