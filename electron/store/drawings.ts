import type { DrawingVersion, StoredDrawing } from '../contract/protocols/drawings.ts';
import { FundusLensError } from '../contract/errors.ts';
import { drawingFileSchema, type Drawing } from '../protocol/geometry/drawing.ts';
import type { AuditLog } from './audit-log.ts';
import { canonicalJson } from './database/canonical-json.ts';
import { found, query, type Database } from './database/database.ts';

type Row = DrawingVersion & { readonly document: string };

const newest =
  'NOT EXISTS (SELECT 1 FROM drawings later WHERE later.imageId = d.imageId AND later.observer = d.observer AND later.version > d.version)';

/** Every version of every drawing. A version is never changed; an edit adds one. */
export class DrawingStore {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #now: () => Date;

  constructor(db: Database, audit: AuditLog, now: () => Date) {
    this.#db = db;
    this.#audit = audit;
    this.#now = now;
  }

  /** What is in force for an image, by observer. */
  ofImage(imageId: number): StoredDrawing[] {
    return this.#read(`d.imageId = ? AND ${newest} ORDER BY d.observer`, [imageId]);
  }

  /** What is in force of one observer; null when there is nothing. */
  latest(imageId: number, observer: string): StoredDrawing | null {
    return (
      this.#read('d.imageId = ? AND d.observer = ? ORDER BY d.version DESC LIMIT 1', [
        imageId,
        observer,
      ])[0] ?? null
    );
  }

  /** All versions of one observer, newest first. */
  history(imageId: number, observer: string): DrawingVersion[] {
    return this.#read('d.imageId = ? AND d.observer = ? ORDER BY d.version DESC', [imageId, observer]).map(
      ({ version }) => version,
    );
  }

  /** @throws input.invalid when there is no such version */
  get(id: number): StoredDrawing {
    return found(this.#read('d.id = ?', [id])[0], 'such drawing', id);
  }

  /**
   * Adds a version, or returns the newest when it shows the same already.
   *
   * @param basedOn the version that was edited, 0 for none
   * @throws input.invalid when another version was saved since `basedOn`, or there is no such image
   */
  add(imageId: number, drawing: Drawing, basedOn?: number): StoredDrawing {
    return this.#db.transaction(() => {
      found(this.#db.get(query.selectFrom('images').select('id').where('id', '=', imageId)), 'such image');
      const { observer } = drawing;
      const latest = this.latest(imageId, observer);
      const document = canonicalJson(drawing);
      if (latest !== null && canonicalJson(latest.drawing) === document) return latest;
      const before = latest?.version.version ?? 0;
      if (basedOn !== undefined && basedOn !== before) {
        throw new FundusLensError('input.invalid', 'The drawing was changed meanwhile.', {
          expected: `an edit of version ${before}`,
          found: `an edit of version ${basedOn}`,
          advice: 'Open the newest version, and draw your changes there.',
        });
      }
      const { lastInsertRowid } = this.#db.run(
        query.insertInto('drawings').values({
          imageId,
          observer,
          version: before + 1,
          document,
          shapes: drawing.shapes.length,
          createdAt: this.#now().toISOString(),
        }),
      );
      this.#audit.append('drawing.save', `image ${imageId}`, { version: before + 1 });
      return this.get(Number(lastInsertRowid));
    });
  }

  #read(where: string, parameters: readonly unknown[]): StoredDrawing[] {
    return this.#db
      .rows<Row>(`SELECT * FROM drawings d WHERE ${where}`, parameters)
      .map(({ document, ...version }) => ({
        version,
        drawing: drawingFileSchema.parse(JSON.parse(document)),
      }));
  }
}
