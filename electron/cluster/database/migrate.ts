import type { Pool } from 'pg';
import { FundusLensError } from '../../contract/errors.ts';
import { sql as traces } from './001-traces.ts';

/** In order; earlier ones never change. */
const migrations = [traces];

/** Of this version of the software. */
export const clusterSchemaVersion = migrations.length;

/** pg-boss's own schema, so that another program may use pg-boss in the same database. */
export const queueSchema = 'fundus_lens_queue';

/** Makes the tables, or brings them to this version; by a role that may create schemas. */
export async function migrateCluster(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    // Two who begin at the same time go one after the other.
    await client.query(`SELECT pg_advisory_xact_lock(hashtext('fundus_lens.migrate'))`);
    await client.query('CREATE SCHEMA IF NOT EXISTS fundus_lens');
    await client.query(
      'CREATE TABLE IF NOT EXISTS fundus_lens.migrations (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const { rows } = await client.query<{ version: number | null }>(
      'SELECT max(version) AS version FROM fundus_lens.migrations',
    );
    const found = rows[0]?.version ?? 0;
    if (found > clusterSchemaVersion) throw otherVersion(found);
    for (let version = found + 1; version <= clusterSchemaVersion; version++) {
      await client.query(migrations[version - 1]!);
      await client.query('INSERT INTO fundus_lens.migrations (version) VALUES ($1)', [version]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** @throws FundusLensError `cluster.not-prepared` when the tables are absent or of another version */
export async function requireSchema(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ there: boolean }>(
    `SELECT to_regclass('fundus_lens.migrations') IS NOT NULL AS there`,
  );
  if (rows[0]?.there !== true)
    throw new FundusLensError('cluster.not-prepared', 'The database has no tables of Fundus Lens yet.', {
      expected: 'what `fundus-lens cluster prepare` makes',
      found: 'a database without the schema fundus_lens',
      advice: 'Run `fundus-lens cluster prepare` once, as a role that may create schemas.',
    });
  const versions = await pool.query<{ version: number | null }>(
    'SELECT max(version) AS version FROM fundus_lens.migrations',
  );
  const found = versions.rows[0]?.version ?? 0;
  if (found !== clusterSchemaVersion) throw otherVersion(found);
}

function otherVersion(found: number): FundusLensError {
  return new FundusLensError('cluster.not-prepared', 'The database belongs to another version.', {
    expected: `tables of version ${clusterSchemaVersion}`,
    found: `version ${found}`,
    advice:
      found > clusterSchemaVersion
        ? 'Install the version of the software that prepared it.'
        : 'Run `fundus-lens cluster prepare` with this version.',
  });
}
