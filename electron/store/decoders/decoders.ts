import type { Selectable } from 'kysely';
import { FundusLensError } from '../../contract/errors.ts';
import type { AuditLog } from '../audit-log.ts';
import { sha256Hex } from '../database/canonical-json.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { damagedLibrary } from '../database/database-errors.ts';
import type { DecodersTable } from '../database/tables.ts';

export type StoredDecoder = Omit<Selectable<DecodersTable>, 'data'>;

const columns = ['id', 'name', 'source', 'modelSha256', 'sha256', 'createdAt'] as const;

/** Decoders as files, named by people. */
export class Decoders {
  readonly #db: Database;
  readonly #audit: AuditLog;
  readonly #now: () => Date;

  constructor(db: Database, audit: AuditLog, now: () => Date) {
    this.#db = db;
    this.#audit = audit;
    this.#now = now;
  }

  /** Shipped ones first, then newest first. */
  list(): StoredDecoder[] {
    const rows = query.selectFrom('decoders').select(columns).orderBy('id', 'desc');
    return this.#db.all(rows).sort((a, b) => Number(b.source === 'shipped') - Number(a.source === 'shipped'));
  }

  /** @throws input.invalid when there is no such decoder */
  get(id: number): StoredDecoder {
    const row = this.#db.get(query.selectFrom('decoders').select(columns).where('id', '=', id));
    return found(row, 'such decoder', id);
  }

  findBySha256(sha256: string): StoredDecoder | undefined {
    return this.#db.get(query.selectFrom('decoders').select(columns).where('sha256', '=', sha256));
  }

  /** The file. @throws input.invalid; library.damaged when it is not the one that was kept */
  read(id: number): Buffer {
    const row = this.#db.get(query.selectFrom('decoders').select(['data', 'sha256']).where('id', '=', id));
    const { data, sha256 } = found(row, 'such decoder', id);
    if (sha256Hex(data) !== sha256) throw damagedLibrary(`the decoder ${id} has changed`);
    return data;
  }

  /** Keeps a decoder; the same file again is the same decoder. */
  add(
    { name, source, modelSha256 }: Pick<StoredDecoder, 'name' | 'source' | 'modelSha256'>,
    data: Uint8Array,
  ): StoredDecoder {
    const sha256 = sha256Hex(data);
    return this.#db.transaction(() => {
      const known = this.findBySha256(sha256);
      if (known !== undefined) return known;
      const row = { name, source, modelSha256, sha256, data: Buffer.from(data) };
      const { lastInsertRowid } = this.#db.run(
        query.insertInto('decoders').values({ ...row, createdAt: this.#now().toISOString() }),
      );
      this.#audit.append('decoder.add', `decoder ${Number(lastInsertRowid)}`, { source, sha256 });
      return this.get(Number(lastInsertRowid));
    });
  }

  rename(id: number, name: string): StoredDecoder {
    this.#requireOwn(this.get(id), 'renamed');
    this.#db.run(query.updateTable('decoders').set({ name }).where('id', '=', id));
    return this.get(id);
  }

  /** @throws input.invalid for a shipped decoder */
  remove(id: number): void {
    this.#requireOwn(this.get(id), 'removed');
    this.#db.run(query.deleteFrom('decoders').where('id', '=', id));
    this.#audit.append('decoder.remove', `decoder ${id}`, {});
  }

  /** Takes shipped decoders away that the software no longer brings. */
  keepShipped(sha256s: readonly string[]): void {
    this.#db.execute(
      `DELETE FROM decoders WHERE source = 'shipped' AND sha256 NOT IN (SELECT value FROM json_each(?))`,
      [JSON.stringify(sha256s)],
    );
  }

  #requireOwn({ name, source }: StoredDecoder, what: string): void {
    if (source !== 'shipped') return;
    throw new FundusLensError('input.invalid', `A decoder that came with the software cannot be ${what}.`, {
      expected: 'a decoder that was fitted or imported here',
      found: name,
      advice: 'Choose another decoder.',
    });
  }
}
