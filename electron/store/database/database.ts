import type SqliteDatabase from 'better-sqlite3';
import type { Compilable } from 'kysely';
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { FundusLensError } from '../../contract/errors.ts';
import { explainDatabaseError } from './database-errors.ts';
import type { Tables } from './tables.ts';

/** Compiles queries with types and never runs them; {@link Database} runs them synchronously. */
export const query = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

const maxCachedStatements = 256;

/**
 * One connection. Calls are synchronous, so that a transaction cannot interleave with anything else of this
 * process, and every error of SQLite arrives as a FundusLensError where a person can repair its cause.
 */
export class Database {
  readonly connection: SqliteDatabase.Database;
  /** Why nothing may be written; null when it may. */
  readonly readOnlyReason: FundusLensError | null;
  readonly #statements = new Map<string, SqliteDatabase.Statement>();

  constructor(connection: SqliteDatabase.Database, readOnlyReason: FundusLensError | null = null) {
    this.connection = connection;
    this.readOnlyReason = readOnlyReason;
  }

  all<T>(compilable: Compilable<T>): T[] {
    const { sql, parameters } = compilable.compile();
    return this.rows<T>(sql, parameters);
  }

  get<T>(compilable: Compilable<T>): T | undefined {
    return this.all(compilable)[0];
  }

  run(compilable: Compilable): SqliteDatabase.RunResult {
    const { sql, parameters } = compilable.compile();
    return this.execute(sql, parameters);
  }

  /** Hand-written SQL for what the query builder cannot say; `T` is the caller's claim about the columns. */
  rows<T>(sql: string, parameters: readonly unknown[] = []): T[] {
    return guarded(() => this.#prepare(sql).all(...parameters) as T[]);
  }

  /** Streams rows, for results that should not be in memory at once. */
  *each<T>(sql: string, parameters: readonly unknown[] = []): Generator<T> {
    for (const row of this.connection.prepare(sql).iterate(...parameters)) yield row as T;
  }

  execute(sql: string, parameters: readonly unknown[] = []): SqliteDatabase.RunResult {
    this.#refuseWhenReadOnly();
    return guarded(() => this.#prepare(sql).run(...parameters));
  }

  /**
   * Runs `work` in one write transaction: all of it is kept, or nothing. Inside another it is a savepoint.
   *
   * @throws library.locked, library.disk-full, library.read-only, library.newer-schema
   */
  transaction<T>(work: () => T): T {
    this.#refuseWhenReadOnly();
    return guarded(() => this.connection.transaction(work).immediate());
  }

  pragma(source: string): unknown {
    return guarded(() => this.connection.pragma(source, { simple: true }));
  }

  close(): void {
    this.#statements.clear();
    this.connection.close();
  }

  #refuseWhenReadOnly(): void {
    if (this.readOnlyReason !== null) throw this.readOnlyReason;
  }

  #prepare(sql: string): SqliteDatabase.Statement {
    const cached = this.#statements.get(sql);
    if (cached !== undefined) return cached;
    const statement = this.connection.prepare(sql);
    if (this.#statements.size >= maxCachedStatements) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** Runs `work`, explaining whatever SQLite throws. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explainDatabaseError(error);
  }
}

/**
 * The row, or an error that names what was asked for.
 *
 * @param what `such trace`
 * @param id of the row, where it was asked for by one
 */
export function found<T>(row: T | undefined, what: string, id?: number | string): T {
  if (row !== undefined) return row;
  throw new FundusLensError('input.invalid', `There is no ${what} in this library.`, {
    ...(id === undefined ? {} : { found: `${what.replace(/^such /, '')} ${id}` }),
    advice: 'look at what the list has now; it may have been removed meanwhile',
  });
}
