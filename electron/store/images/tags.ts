import type { Tag } from '../../contract/images/tags.ts';
import { query } from '../database/database.ts';
import type { Database } from '../database/database.ts';

/** Free words on images; two spellings that differ only in case are one tag. */
export class Tags {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  list(): Tag[] {
    return this.#db.rows(
      `SELECT id, name, (SELECT count(*) FROM image_tags WHERE tagId = tags.id) AS imageCount
      FROM tags ORDER BY nameKey`,
    );
  }

  ofImage(imageId: number): { id: number; name: string }[] {
    return this.#db.all(
      query
        .selectFrom('tags')
        .innerJoin('image_tags', 'image_tags.tagId', 'tags.id')
        .select(['tags.id', 'tags.name'])
        .where('image_tags.imageId', '=', imageId)
        .orderBy('tags.nameKey'),
    );
  }

  /** The tag's id, made if there is none of this name. */
  ensure(name: string): number {
    const spelling = name.normalize('NFC').trim();
    const nameKey = spelling.toLowerCase();
    const known = this.#db.get(query.selectFrom('tags').select('id').where('nameKey', '=', nameKey));
    if (known !== undefined) return known.id;
    return Number(this.#db.run(query.insertInto('tags').values({ name: spelling, nameKey })).lastInsertRowid);
  }

  imageIds(tagId: number): number[] {
    return this.#db
      .all(query.selectFrom('image_tags').select('imageId').where('tagId', '=', tagId).orderBy('imageId'))
      .map((row) => row.imageId);
  }

  add(imageIds: readonly number[], name: string): number {
    return this.#db.transaction(() => {
      const tagId = this.ensure(name);
      for (const imageId of imageIds) {
        this.#db.execute('INSERT OR IGNORE INTO image_tags (imageId, tagId) VALUES (?, ?)', [imageId, tagId]);
      }
      return tagId;
    });
  }

  removeFrom(imageIds: readonly number[], tagId: number): void {
    this.#db.transaction(() => {
      for (const imageId of imageIds) {
        this.#db.execute('DELETE FROM image_tags WHERE imageId = ? AND tagId = ?', [imageId, tagId]);
      }
    });
  }

  /** Puts a removed tag back under its own id where that is free, so that earlier changes still mean it. */
  restore(tag: Pick<Tag, 'id' | 'name'>, imageIds: readonly number[]): void {
    this.#db.transaction(() => {
      const nameKey = tag.name.toLowerCase();
      const isTaken = this.list().some(({ id, name }) => id === tag.id || name.toLowerCase() === nameKey);
      if (!isTaken) {
        this.#db.run(query.insertInto('tags').values({ id: tag.id, name: tag.name, nameKey }));
      }
      this.add(imageIds, tag.name);
    });
  }

  rename(tagId: number, name: string): void {
    const spelling = name.normalize('NFC').trim();
    this.#db.run(
      query
        .updateTable('tags')
        .set({ name: spelling, nameKey: spelling.toLowerCase() })
        .where('id', '=', tagId),
    );
  }

  remove(tagId: number): void {
    this.#db.transaction(() => {
      // Rows go one table at a time, so that the search index follows each image.
      this.#db.execute('DELETE FROM image_tags WHERE tagId = ?', [tagId]);
      this.#db.execute('DELETE FROM tags WHERE id = ?', [tagId]);
    });
  }
}
