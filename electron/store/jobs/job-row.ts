import type { Selectable } from 'kysely';
import type { Job, JobError, JobState } from '../../contract/jobs.ts';
import type { JobsTable } from '../database/tables.ts';

/** Done, but the trace was removed since: asking for it again makes it again. */
export function lostItsTrace(
  kind: string,
  { state, traceId }: { state: JobState; traceId: number | null },
): boolean {
  return kind === 'trace' && state === 'done' && traceId === null;
}

export function toJob(row: Selectable<JobsTable>): Job {
  return {
    ...row,
    request: JSON.parse(row.request) as Record<string, unknown>,
    error: row.error === null ? null : (JSON.parse(row.error) as JobError),
  };
}
