import { z } from 'zod';
import { errorCodes, FundusLensError } from './errors.ts';
import { withoutAbsent } from './without-absent.ts';

/** What went wrong, as it is shown and kept: without a stack, which names folders of one machine. */
export const problemSchema = z.object({
  code: z.enum([...errorCodes, 'internal']),
  summary: z.string(),
  /** What the software needed. */
  expected: z.string().optional(),
  /** What it got instead. */
  found: z.string().optional(),
  /** What the person can do next. */
  advice: z.string().optional(),
});

export type Problem = z.infer<typeof problemSchema>;

/** A problem as it travels between processes of ours. */
export interface SerializedError extends Problem {
  readonly stack?: string | undefined;
}

/** The problem in anything thrown, here or by a call of the contract. */
export function problemOf(error: unknown): Problem {
  if (typeof error === 'object' && error !== null && 'data' in error) {
    const travelled = problemSchema.safeParse(error.data);
    if (travelled.success) return travelled.data;
  }
  const { code, summary, expected, found, advice } = serializeError(error);
  return withoutAbsent({
    code,
    summary: code === 'internal' ? withoutPaths(summary) : summary,
    expected,
    found,
    advice,
  });
}

/** Nobody chose the words of a defect: paths in them may name patients and folders, and say nothing to a reader. */
function withoutPaths(text: string): string {
  return text
    .replace(/(["'`])(?:file:|[A-Za-z]:[\\/]|[\\/]).*?\1/gs, '$1…$1')
    .replace(/(?:file:\/{2,3}|(?<![\w.])(?:[A-Za-z]:)?[\\/])[^\s"'`,;:()]+(?:[\\/][^"'`,;:()\n]*)+/g, '…');
}

/** Flattens anything thrown for a message channel; {@link deserializeError} is its inverse. */
export function serializeError(error: unknown): SerializedError {
  if (error instanceof FundusLensError) {
    const { code, summary, expected, found, advice, stack } = error;
    return { code, summary, expected, found, advice, stack };
  }
  const thrown = error instanceof Error ? error : new Error(String(error));
  return { code: 'internal', summary: thrown.message, stack: thrown.stack };
}

export function deserializeError(error: SerializedError): Error {
  const { code, summary, stack, ...details } = error;
  if (code !== 'internal') return new FundusLensError(code, summary, withoutAbsent(details));
  const restored = new Error(summary);
  if (stack !== undefined) restored.stack = stack;
  return restored;
}
