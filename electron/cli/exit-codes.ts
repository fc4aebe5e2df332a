import { FundusLensError } from '../contract/errors.ts';

export const exitCodes = {
  done: 0,
  /** A defect of ours. */
  defect: 1,
  /** Something that the person can change: a file, an option, a disk. */
  badInput: 2,
  engineEnded: 3,
  /** Ctrl-C, as shells expect it. */
  cancelled: 130,
} as const;

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof FundusLensError)) return exitCodes.defect;
  if (error.code === 'engine.killed') return exitCodes.engineEnded;
  if (error.code === 'engine.cancelled') return exitCodes.cancelled;
  return exitCodes.badInput;
}

/** What stderr says of an error: a person's problem in plain words, a defect with its stack. */
export function describeError(error: unknown): string {
  if (error instanceof FundusLensError)
    return error.message.replace(error.summary, (summary) => `${summary} [${error.code}]`);
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `This is a defect of the software; please report it with the following lines.\n${details}`;
}
