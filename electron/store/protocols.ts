import { FundusLensError } from '../contract/errors.ts';
import type { ProtocolVersion, StoredProtocol } from '../contract/protocols/protocols.ts';
import { protocolFileSchema, type Protocol, type ValueSource } from '../protocol/protocol.ts';
import type { AuditLog } from './audit-log.ts';
import { canonicalJson } from './database/canonical-json.ts';
import { found, query, type Database } from './database/database.ts';

type Row = Omit<ProtocolVersion, 'sources'> & { readonly sources: string };

const columns = 'id, imageId, observer, version, assessed, sources, createdAt';
/** The version in force of each image and observer. */
const newest =
  'NOT EXISTS (SELECT 1 FROM protocols later WHERE later.imageId = p.imageId AND later.observer = p.observer AND later.version > p.version)';

/** Every version of every description protocol. A version is never changed; an edit or a restoration adds one. */
export class Protocols {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #now: () => Date;

  constructor(db: Database, audit: AuditLog, now: () => Date) {
    this.#db = db;
    this.#audit = audit;
    this.#now = now;
  }

  /** What is in force for an image, by observer. */
  ofImage(imageId: number): ProtocolVersion[] {
    return this.#versions(`p.imageId = ? AND ${newest} ORDER BY p.observer`, [imageId]);
  }

  /** What is in force for the images of a group, by image and observer. */
  ofGroup(groupId: number): ProtocolVersion[] {
    const inGroup = 'p.imageId IN (SELECT imageId FROM group_images WHERE groupId = ?)';
    return this.#versions(`${inGroup} AND ${newest} ORDER BY p.imageId, p.observer`, [groupId]);
  }

  /** All versions of one observer, newest first. */
  history(imageId: number, observer: string): ProtocolVersion[] {
    return this.#versions('p.imageId = ? AND p.observer = ? ORDER BY p.version DESC', [imageId, observer]);
  }

  /** @throws input.invalid when there is no such version */
  get(id: number): StoredProtocol {
    const [version] = this.#versions('p.id = ?', [id]);
    const row = this.#db.get(query.selectFrom('protocols').select('document').where('id', '=', id));
    const { document } = found(row, 'such protocol');
    return {
      version: found(version, 'such protocol'),
      protocol: protocolFileSchema.parse(JSON.parse(document)),
    };
  }

  /** Names in use with the number of images each described. */
  observers(): { observer: string; images: number }[] {
    return this.#db.rows(
      'SELECT observer, count(DISTINCT imageId) AS images FROM protocols GROUP BY observer ORDER BY 2 DESC, 1',
    );
  }

  /**
   * Adds a version, or returns the newest when it says the same already.
   *
   * @param basedOn  the version that was edited, 0 for none
   * @throws input.invalid when another version was saved since `basedOn`, or there is no such image
   */
  add(imageId: number, protocol: Protocol, basedOn?: number): StoredProtocol {
    return this.#db.transaction(() => {
      this.#requireImage(imageId);
      const observer = protocol.observer ?? '';
      const [latest] = this.history(imageId, observer);
      const document = canonicalJson(protocol);
      if (latest !== undefined && canonicalJson(this.get(latest.id).protocol) === document)
        return this.get(latest.id);
      const before = latest?.version ?? 0;
      if (basedOn !== undefined && basedOn !== before) {
        throw new FundusLensError('input.invalid', 'The protocol was changed meanwhile.', {
          expected: `an edit of version ${before}`,
          found: `an edit of version ${basedOn}`,
          advice: 'Open the newest version, and enter your changes there.',
        });
      }
      const entries = Object.values(protocol.values);
      const { lastInsertRowid } = this.#db.run(
        query.insertInto('protocols').values({
          imageId,
          observer,
          version: before + 1,
          document,
          assessed: entries.filter(({ value }) => value !== null).length,
          sources: JSON.stringify([...new Set(entries.map(({ source }) => source))].sort()),
          createdAt: this.#now().toISOString(),
        }),
      );
      this.#audit.append('protocol.save', `image ${imageId}`, { version: before + 1 });
      return this.get(Number(lastInsertRowid));
    });
  }

  /** Takes all versions of one observer away. @returns how many there were */
  remove(imageId: number, observer: string): number {
    return this.#db.transaction(() => {
      const { changes } = this.#db.run(
        query.deleteFrom('protocols').where('imageId', '=', imageId).where('observer', '=', observer),
      );
      if (changes > 0) this.#audit.append('protocol.remove', `image ${imageId}`, { versions: changes });
      return changes;
    });
  }

  #requireImage(imageId: number): void {
    found(this.#db.get(query.selectFrom('images').select('id').where('id', '=', imageId)), 'such image');
  }

  #versions(where: string, parameters: readonly unknown[]): ProtocolVersion[] {
    return this.#db
      .rows<Row>(`SELECT ${columns} FROM protocols p WHERE ${where}`, parameters)
      .map((row) => ({ ...row, sources: JSON.parse(row.sources) as ValueSource[] }));
  }
}
