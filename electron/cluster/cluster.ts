import type { Pool, PoolClient } from 'pg';
import type { Db, PgBoss } from 'pg-boss';
import { FundusLensError } from '../contract/errors.ts';
import { mayNotMakeRoles, sql as roles } from './database/roles.ts';
import { migrateCluster, queueSchema, requireSchema } from './database/migrate.ts';

export interface ClusterOptions {
  /** Whether this process looks for dead hosts; workers do. */
  readonly supervise?: boolean;
  /** Defects in the background, as when the server is away for a while. */
  readonly onError?: (error: unknown) => void;
  /** Seconds between looks for dead hosts. */
  readonly superviseSeconds?: number;
  /** Connections kept at most. */
  readonly connections?: number;
}

/** Seconds that pg-boss waits for a sign of life of the host that has a chunk. */
export const heartbeatSeconds = 24;
const defaultSuperviseSeconds = 10;

/** For how long the other end of a connection may say nothing, milliseconds. */
const silence = 30_000;

/** A database that hosts share: pg-boss's queue, and the tables of {@link migrateCluster}. */
export interface Cluster {
  readonly pool: Pool;
  readonly boss: PgBoss;
  /**
   * Runs work in one transaction.
   *
   * @param work gets the connection, and the same as pg-boss takes it
   */
  transaction<T>(work: (client: PoolClient, db: Db) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Connects; pg and pg-boss are loaded here, so that nobody else waits for them.
 *
 * @param url `postgres://user@host/database`, with `?sslmode=verify-full&sslrootcert=FILE` for TLS
 * @throws FundusLensError `cluster.unreachable`, `cluster.not-prepared`
 */
export async function openCluster(url: string, options: ClusterOptions = {}): Promise<Cluster> {
  return connect(url, options, requireSchema, false);
}

/**
 * Makes or updates everything in the database.
 *
 * @returns whether the roles are there; the owner may not be allowed to make them
 * @throws FundusLensError `cluster.unreachable`, `cluster.not-prepared` for a newer version
 */
export async function prepareCluster(url: string): Promise<boolean> {
  const cluster = await connect(url, {}, migrateCluster, true);
  try {
    await cluster.transaction((client) => client.query(roles));
    return true;
  } catch (error) {
    if (mayNotMakeRoles(error)) return false;
    throw error;
  } finally {
    await cluster.close();
  }
}

async function connect(
  url: string,
  options: ClusterOptions,
  ready: (pool: Pool) => Promise<void>,
  migrate: boolean,
): Promise<Cluster> {
  const { supervise = false, superviseSeconds = defaultSuperviseSeconds, connections = 4 } = options;
  const { onError = () => undefined } = options;
  const [{ default: pg }, { PgBoss }] = await Promise.all([import('pg'), import('pg-boss')]);
  const pool = openPool();
  // A connection that dies while nobody uses it.
  pool.on('error', onError);
  try {
    await ready(pool);
    const boss = new PgBoss({
      db: { executeSql: (text, values) => pool.query(text, values as unknown[]) },
      schema: queueSchema,
      migrate,
      createSchema: migrate,
      supervise,
      superviseIntervalSeconds: superviseSeconds,
      monitorIntervalSeconds: superviseSeconds,
      schedule: false,
      registerInstance: false,
      reindex: false,
      monitorVacuum: false,
    });
    boss.on('error', onError);
    await boss.start();
    return {
      pool,
      boss,
      transaction: (work) => inTransaction(pool, work),
      close: async () => {
        await boss.stop({ graceful: false });
        await pool.end();
      },
    };
  } catch (error) {
    await pool.end();
    throw explain(error, url);
  }

  function openPool(): Pool {
    try {
      return new pg.Pool({
        connectionString: url,
        max: connections,
        connectionTimeoutMillis: 10_000,
        keepAlive: true,
        // A line that is cut says nothing: neither we nor the server may wait for the other for long, least of all with a
        // chunk's row locked.
        query_timeout: silence,
        idle_in_transaction_session_timeout: silence,
        options: '-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3',
        application_name: 'fundus-lens',
      });
    } catch (error) {
      throw explain(error, url);
    }
  }
}

async function inTransaction<T>(pool: Pool, work: (client: PoolClient, db: Db) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // Heard by the query that is under way as well; unheard it would end the process.
  const ignore = () => undefined;
  client.on('error', ignore);
  let broken = false;
  try {
    await client.query('BEGIN');
    const result = await work(client, {
      executeSql: (text, values) => client.query(text, values as unknown[]),
    });
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => (broken = true));
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

/** What a person can repair about a database that does not answer; never with the password. */
export function explain(error: unknown, url: string): unknown {
  if (error instanceof FundusLensError) return error;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  const isPgBossSchema = /pg-boss (is not installed|database requires migrations)/.test(message);
  if (isPgBossSchema)
    return new FundusLensError('cluster.not-prepared', 'The queue in the database is of another version.', {
      expected: 'what `fundus-lens cluster prepare` of this version makes',
      found: message,
      advice: 'Run `fundus-lens cluster prepare` with this version.',
      cause: error,
    });
  if (!isLostConnection(code, message) && !isRefused(code, message)) return error;
  return new FundusLensError('cluster.unreachable', 'The database of the cluster does not let us in.', {
    expected: `PostgreSQL at ${withoutPassword(url)}`,
    found: message === '' ? code : message,
    advice:
      'Check the address, the role with its password and rights, the certificate, and whether the server runs.',
    cause: error,
  });
}

/** Whether it may pass when one waits: the server restarts, or a line is cut. */
export function isPassing(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  return isLostConnection(code, message);
}

function isLostConnection(code: string, message: string): boolean {
  return (
    /^(ECONN[A-Z]+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|08...|57P0.|53300)$/.test(code) ||
    /timeout|terminated|Connection ended|not queryable/i.test(message)
  );
}

/** A role or password that is refused, a database that is not there, an address that is none, a certificate. */
function isRefused(code: string, message: string): boolean {
  return (
    /^(28...|3D000|42501|ENOTFOUND|ENOENT|ERR_INVALID_URL)$/.test(code) ||
    /Invalid URL|certificate|SSL|password/i.test(message)
  );
}

function withoutPassword(url: string): string {
  try {
    const { hostname, port, pathname, username } = new URL(url);
    const user = username === '' ? '' : `${username}@`;
    return `${user}${hostname}${port === '' ? '' : `:${port}`}${pathname}`;
  } catch {
    return 'an address like postgres://user@host/database';
  }
}
