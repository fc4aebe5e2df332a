import type { Group, TracedByModel } from '../contract/images/groups.ts';
import type { AuditLog } from './audit-log.ts';
import { found, query } from './database/database.ts';
import type { Database } from './database/database.ts';

const columns = `id, name, note, createdAt,
  (SELECT count(*) FROM group_images WHERE groupId = groups.id) AS imageCount`;

const tracedImages = `FROM group_images
  JOIN trace_list ON trace_list.imageId = group_images.imageId
  JOIN prompts ON prompts.id = trace_list.promptId
  WHERE group_images.groupId = ? AND trace_list.lens = 'logit'`;

/** Cohorts: named sets of images that statistics run over. */
export class Groups {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #now: () => Date;

  constructor(db: Database, audit: AuditLog, now: () => Date) {
    this.#db = db;
    this.#audit = audit;
    this.#now = now;
  }

  list(): Group[] {
    return this.#db.rows(`SELECT ${columns} FROM groups ORDER BY name`);
  }

  get(id: number): Group {
    return found(
      this.#db.rows<Group>(`SELECT ${columns} FROM groups WHERE id = ?`, [id])[0],
      'such group',
      id,
    );
  }

  findByName(name: string): Group | undefined {
    return this.#db.rows<Group>(`SELECT ${columns} FROM groups WHERE name = ?`, [name.trim()])[0];
  }

  imageIds(id: number): number[] {
    return this.#db
      .all(query.selectFrom('group_images').select('imageId').where('groupId', '=', id).orderBy('imageId'))
      .map((row) => row.imageId);
  }

  /** What each model has traced of it by the logit lens; the model with the newest trace first. */
  traced(id: number): TracedByModel[] {
    const models = this.#db.rows<Omit<TracedByModel, 'prompts'>>(
      `SELECT modelId, imageCount,
         (SELECT setId FROM traces JOIN concept_sets ON concept_sets.id = conceptSetId
          WHERE traces.id = newestId) AS conceptSetId
       FROM (
         SELECT trace_list.modelId, count(DISTINCT trace_list.imageId) AS imageCount,
           max(trace_list.traceId) AS newestId ${tracedImages} GROUP BY trace_list.modelId
       ) ORDER BY newestId DESC`,
      [id],
    );
    const prompts = this.#db.rows<{ modelId: number; text: string; imageCount: number }>(
      `SELECT trace_list.modelId, prompts.text, count(DISTINCT trace_list.imageId) AS imageCount
       ${tracedImages} GROUP BY trace_list.modelId, prompts.text ORDER BY imageCount DESC, prompts.text`,
      [id],
    );
    return models.map((model) => ({
      ...model,
      prompts: prompts
        .filter(({ modelId }) => modelId === model.modelId)
        .map(({ text, imageCount }) => ({ text, imageCount })),
    }));
  }

  create(name: string, note = ''): Group {
    return this.#db.transaction(() => {
      const { lastInsertRowid } = this.#db.run(
        query
          .insertInto('groups')
          .values({ name: name.normalize('NFC').trim(), note, createdAt: this.#now().toISOString() }),
      );
      this.#audit.append('group.create', `group ${Number(lastInsertRowid)}`);
      return this.get(Number(lastInsertRowid));
    });
  }

  update(id: number, change: Partial<Pick<Group, 'name' | 'note'>>): Group {
    if (Object.keys(change).length > 0) {
      this.#db.run(query.updateTable('groups').set(change).where('id', '=', id));
    }
    return this.get(id);
  }

  remove(id: number): void {
    this.#db.transaction(() => {
      this.#db.run(query.deleteFrom('groups').where('id', '=', id));
      this.#audit.append('group.remove', `group ${id}`);
    });
  }

  /** Puts a removed group back under its own id; where its name was given to another meanwhile, with a number. */
  restore(group: Group, imageIds: readonly number[]): void {
    this.#db.transaction(() => {
      const { id, note, createdAt } = group;
      let name = group.name;
      for (let number = 2; this.findByName(name) !== undefined; number++) name = `${group.name} (${number})`;
      this.#db.run(query.insertInto('groups').values({ id, name, note, createdAt }));
      this.addImages(id, imageIds);
      this.#audit.append('group.restore', `group ${id}`, { images: imageIds.length });
    });
  }

  addImages(id: number, imageIds: readonly number[]): void {
    this.#db.transaction(() => {
      for (const imageId of imageIds) {
        this.#db.execute('INSERT OR IGNORE INTO group_images (groupId, imageId) VALUES (?, ?)', [
          id,
          imageId,
        ]);
      }
    });
  }

  removeImages(id: number, imageIds: readonly number[]): void {
    this.#db.transaction(() => {
      for (const imageId of imageIds) {
        this.#db.execute('DELETE FROM group_images WHERE groupId = ? AND imageId = ?', [id, imageId]);
      }
    });
  }
}
