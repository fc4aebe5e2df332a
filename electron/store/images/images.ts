import type { Selectable } from 'kysely';
import type { ImportRecord } from '../../contract/imports/import-store.ts';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import type { AuditLog } from '../audit-log.ts';
import type { ContentFiles } from '../content-files.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { naturalKey } from '../database/natural-key.ts';
import type { ImagesTable } from '../database/tables.ts';

const imageColumns = [
  'id',
  'sha256',
  'patientId',
  'visitId',
  'fileName',
  'originalPath',
  'storage',
  'managedPath',
  'renderingPath',
  'bytes',
  'format',
  'width',
  'height',
  'bitDepth',
  'frames',
  'laterality',
  'lateralitySource',
  'modality',
  'capturedAt',
  'camera',
  'quality',
  'note',
  'remarks',
  'sopInstanceUid',
  'traceCount',
  'importedAt',
] as const;

type Row = Pick<Selectable<ImagesTable>, (typeof imageColumns)[number]>;

/** What a person may change; the pixels and where they came from stay as they are. */
export type ImageChange = Partial<
  Pick<LibraryImage, 'laterality' | 'modality' | 'capturedAt' | 'quality' | 'note' | 'patientId' | 'visitId'>
>;

export class Images {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #files: ContentFiles;
  readonly #now: () => Date;

  constructor(db: Database, audit: AuditLog, files: ContentFiles, now: () => Date) {
    this.#db = db;
    this.#audit = audit;
    this.#files = files;
    this.#now = now;
  }

  get(id: number): LibraryImage {
    const row = this.#db.get(selectImages().where('id', '=', id));
    return toImage(found(row, 'such image', id));
  }

  findBySha256(sha256: string): LibraryImage | undefined {
    const row = this.#db.get(selectImages().where('sha256', '=', sha256));
    return row === undefined ? undefined : toImage(row);
  }

  ofVisit(visitId: number): LibraryImage[] {
    const rows = selectImages().where('visitId', '=', visitId).orderBy('capturedKey').orderBy('id');
    return this.#db.all(rows).map(toImage);
  }

  /** Call inside a transaction; the files of the image must be in place already. */
  insert(image: ImportRecord['image'], patientId: number | null, visitId: number | null): number {
    const { lastInsertRowid } = this.#db.run(
      query.insertInto('images').values({
        ...image,
        remarks: JSON.stringify(image.remarks),
        patientId,
        visitId,
        nameKey: naturalKey(image.fileName),
        importedAt: this.#now().toISOString(),
      }),
    );
    return Number(lastInsertRowid);
  }

  update(id: number, change: ImageChange): LibraryImage {
    return this.#db.transaction(() => {
      const fields = Object.keys(change);
      const eye = change.laterality;
      const values = eye === undefined ? change : { ...change, lateralitySource: sourceOf(eye) };
      if (fields.length > 0) this.#db.run(query.updateTable('images').set(values).where('id', '=', id));
      this.#audit.append('image.update', `image ${id}`, { fields });
      return this.get(id);
    });
  }

  /**
   * Takes the image, its traces, findings and jobs out of the library. The files stay until
   * `verifyLibrary` lists them as left over, so that a restored backup finds them again.
   */
  remove(id: number): void {
    this.#db.transaction(() => {
      const { sha256 } = this.get(id);
      this.#db.run(query.deleteFrom('images').where('id', '=', id));
      this.#audit.append('image.remove', `image ${id}`, { sha256 });
    });
  }

  /** Absolute path of the original, managed or in place. */
  originalFile(image: Pick<LibraryImage, 'managedPath' | 'originalPath'>): string {
    return image.managedPath === null ? image.originalPath : this.#files.resolve(image.managedPath);
  }

  /** Absolute path of a file that ordinary decoders read: the original, or its lossless rendering. */
  readableFile(image: Pick<LibraryImage, 'managedPath' | 'originalPath' | 'renderingPath'>): string {
    return image.renderingPath === null ? this.originalFile(image) : this.#files.resolve(image.renderingPath);
  }
}

function selectImages() {
  return query.selectFrom('images').select(imageColumns);
}

function toImage(row: Row): LibraryImage {
  return { ...row, remarks: JSON.parse(row.remarks) as string[] };
}

function sourceOf(laterality: LibraryImage['laterality']): LibraryImage['lateralitySource'] {
  return laterality === 'unknown' ? 'none' : 'user';
}
