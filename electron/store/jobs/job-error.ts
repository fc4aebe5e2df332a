import { FundusLensError } from '../../contract/errors.ts';
import type { JobError } from '../../contract/jobs.ts';

/** What is kept of an error: no stack, because it names folders of this machine. */
export function toJobError(error: unknown): JobError {
  if (!(error instanceof FundusLensError)) {
    return { code: 'internal', summary: error instanceof Error ? error.message : String(error) };
  }
  const { code, summary, expected, found: foundInstead, advice } = error;
  return {
    code,
    summary,
    ...(expected === undefined ? {} : { expected }),
    ...(foundInstead === undefined ? {} : { found: foundInstead }),
    ...(advice === undefined ? {} : { advice }),
  };
}
