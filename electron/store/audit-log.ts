import { canonicalJson, sha256Hex } from './database/canonical-json.ts';
import { query } from './database/database.ts';
import type { Database } from './database/database.ts';
import type { AuditLogTable } from './database/tables.ts';

export interface AuditEntry {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly hash: string;
}

export type AuditVerdict =
  | { readonly intact: true; readonly entries: number; readonly head: string }
  | { readonly intact: false; readonly entries: number; readonly firstBadId: number };

type Row = Omit<AuditLogTable, 'id'> & { id: number };

const genesis = '0'.repeat(64);

/**
 * What was done to the library, each entry holding the hash of the one before, so that a change in the middle shows.
 *
 * Cutting off the newest entries leaves a shorter intact chain: compare the head with one noted elsewhere. Details
 * hold ids, codes of the software and counts, never a patient's name or code.
 */
export class AuditLog {
  readonly #db: Database;
  readonly #actor: string;
  readonly #now: () => Date;

  constructor(db: Database, actor: string, now: () => Date) {
    this.#db = db;
    this.#actor = actor;
    this.#now = now;
  }

  /** Call inside the transaction of the change that it records. */
  append(action: string, subject: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#db.transaction(() => {
      const previousHash = this.head();
      const entry = {
        at: this.#now().toISOString(),
        actor: this.#actor,
        action,
        subject,
        details: canonicalJson(details),
      };
      this.#db.run(
        query
          .insertInto('audit_log')
          .values({ ...entry, previousHash, hash: hashEntry(entry, previousHash) }),
      );
    });
  }

  /** Hash of the newest entry, which stands for the whole log. */
  head(): string {
    const newest = this.#db.get(query.selectFrom('audit_log').select('hash').orderBy('id', 'desc').limit(1));
    return newest?.hash ?? genesis;
  }

  /** Newest first. */
  list(limit: number, beforeId = Number.MAX_SAFE_INTEGER): AuditEntry[] {
    const rows = this.#db.all(
      query
        .selectFrom('audit_log')
        .select(['id', 'at', 'actor', 'action', 'subject', 'details', 'hash'])
        .where('id', '<', beforeId)
        .orderBy('id', 'desc')
        .limit(limit),
    );
    return rows.map((row) => ({ ...row, details: JSON.parse(row.details) as Record<string, unknown> }));
  }

  verify(): AuditVerdict {
    let head = genesis;
    let entries = 0;
    for (const row of this.#db.each<Row>('SELECT * FROM audit_log ORDER BY id')) {
      if (row.previousHash !== head || row.hash !== hashEntry(row, head)) {
        return { intact: false, entries, firstBadId: row.id };
      }
      head = row.hash;
      entries++;
    }
    return { intact: true, entries, head };
  }
}

function hashEntry(
  { at, actor, action, subject, details }: Pick<Row, 'at' | 'actor' | 'action' | 'subject' | 'details'>,
  previousHash: string,
): string {
  return sha256Hex(canonicalJson([previousHash, at, actor, action, subject, details]));
}
