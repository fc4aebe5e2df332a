/**
 * Who may do what. Three roles without a login, which a person's or host's own role is made a member of:
 *
 * - `fundus_lens_worker` takes and ends chunks, and adds results; it can change or delete no result, and order nothing.
 * - `fundus_lens_desk` orders and cancels, and reads; it can write no result.
 * - `fundus_lens_reader` reads, for `cluster status` and metrics.
 *
 * Runs after every change of the tables, pg-boss's among them. Where the owner may not create roles, an administrator
 * creates the three, and `prepare` grants them what they need when it runs again.
 */
export const sql = `
DO $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['fundus_lens_worker', 'fundus_lens_desk', 'fundus_lens_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    END IF;
  END LOOP;
END $$;

REVOKE ALL ON SCHEMA fundus_lens, fundus_lens_queue FROM PUBLIC;
GRANT USAGE ON SCHEMA fundus_lens, fundus_lens_queue TO fundus_lens_worker, fundus_lens_desk, fundus_lens_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA fundus_lens, fundus_lens_queue TO fundus_lens_worker, fundus_lens_desk, fundus_lens_reader;

GRANT INSERT ON fundus_lens.results, fundus_lens.failures TO fundus_lens_worker;
GRANT UPDATE (done, failed, milliseconds, finished_at) ON fundus_lens.chunks TO fundus_lens_worker;
GRANT INSERT, UPDATE ON fundus_lens.workers TO fundus_lens_worker;
-- pg-boss puts a failed job back by deleting and inserting it, and looks for dead hosts in every worker.
GRANT INSERT, UPDATE, DELETE ON fundus_lens_queue.job, fundus_lens_queue.job_common TO fundus_lens_worker;
GRANT UPDATE ON fundus_lens_queue.queue, fundus_lens_queue.version TO fundus_lens_worker;
GRANT UPDATE, DELETE ON fundus_lens_queue.job_dependency, fundus_lens_queue.instance TO fundus_lens_worker;

GRANT INSERT, UPDATE ON fundus_lens.chunks TO fundus_lens_desk;
GRANT INSERT, UPDATE, DELETE ON fundus_lens.cells TO fundus_lens_desk;
GRANT DELETE ON fundus_lens.failures TO fundus_lens_desk;
GRANT INSERT, UPDATE ON fundus_lens_queue.job, fundus_lens_queue.job_common TO fundus_lens_desk;
GRANT INSERT, UPDATE ON fundus_lens_queue.queue TO fundus_lens_desk;
`;

/** SQLSTATE of a role that may not create others. */
const insufficientPrivilege = '42501';

/** Whether the owner of the database may not make the roles. */
export function mayNotMakeRoles(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === insufficientPrivilege
  );
}
