import type { CheckpointReport } from '../contract/models/checkpoint-report.ts';
import type { TraceModel } from '../engine/lens-trace/lens-trace.ts';
import { found, query } from './database/database.ts';
import type { Database } from './database/database.ts';
import type { ModelsTable } from './database/tables.ts';
import type { Selectable } from 'kysely';

export type StoredModel = Omit<Selectable<ModelsTable>, 'report'> & {
  /** What `inspect` said; null for a model known from its traces only. */
  readonly report: CheckpointReport | null;
};

/** Checkpoints by content: the same weights in another folder are the same model. */
export class Models {
  readonly #db: Database;
  readonly #now: () => Date;

  constructor(db: Database, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  list(): StoredModel[] {
    return this.#db.all(query.selectFrom('models').selectAll().orderBy('name').orderBy('id')).map(toModel);
  }

  get(id: number): StoredModel {
    return toModel(
      found(this.#db.get(query.selectFrom('models').selectAll().where('id', '=', id)), 'such model', id),
    );
  }

  findBySha256(sha256: string): StoredModel | undefined {
    const row = this.#db.get(query.selectFrom('models').selectAll().where('sha256', '=', sha256));
    return row === undefined ? undefined : toModel(row);
  }

  /** Adds an inspected checkpoint, or notes its new folder and report. */
  put(report: CheckpointReport, folder: string): StoredModel {
    const { sha256, id: name, family, numLayers, dModel, vocabSize, tokenizerSize } = report;
    const changing = { name, folder, report: JSON.stringify(report) };
    const row = { sha256, family, numLayers, dModel, vocabSize, tokenizerSize, ...changing };
    this.#db.run(
      query
        .insertInto('models')
        .values({ ...row, addedAt: this.#now().toISOString(), lastUsedAt: null })
        .onConflict((conflict) => conflict.column('sha256').doUpdateSet(changing)),
    );
    return found(this.findBySha256(sha256), 'such model');
  }

  /** The id of a trace's model, added if it was never inspected here; notes that it was used. */
  ensure(model: TraceModel): number {
    const now = this.#now().toISOString();
    const { sha256, id: name, family, numLayers, dModel, vocabSize, tokenizerSize } = model;
    this.#db.run(
      query
        .insertInto('models')
        .values({
          sha256,
          name,
          family,
          folder: null,
          numLayers,
          dModel,
          vocabSize,
          tokenizerSize,
          report: null,
          addedAt: now,
          lastUsedAt: now,
        })
        .onConflict((conflict) => conflict.column('sha256').doUpdateSet({ lastUsedAt: now })),
    );
    return found(this.findBySha256(sha256), 'such model').id;
  }

  /** Forgets where the checkpoint lies; its traces keep everything else. */
  forgetFolder(id: number): void {
    this.#db.run(query.updateTable('models').set({ folder: null }).where('id', '=', id));
  }
}

function toModel(row: Selectable<ModelsTable>): StoredModel {
  if (row.report === null) return { ...row, report: null };
  // Earlier versions made no estimates.
  const report = JSON.parse(row.report) as Omit<CheckpointReport, 'estimates'> & Partial<CheckpointReport>;
  return { ...row, report: { ...report, estimates: report.estimates ?? [] } };
}
