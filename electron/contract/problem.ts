import { z } from 'zod';
import { errorCodes, serializeError } from './errors.ts';

/** {@link SerializedError} as a schema, without the stack, which names folders of one machine. */
export const problemSchema = z.object({
  code: z.enum([...errorCodes, 'internal']),
  summary: z.string(),
  expected: z.string().optional(),
  found: z.string().optional(),
  advice: z.string().optional(),
});

export type Problem = z.infer<typeof problemSchema>;

/** What a person should be told of anything thrown, here or by a call of the contract. */
export function problemOf(error: unknown): Problem {
  if (typeof error === 'object' && error !== null && 'data' in error) {
    const travelled = problemSchema.safeParse(error.data);
    if (travelled.success) return travelled.data;
  }
  const { code, summary, expected, found, advice } = serializeError(error);
  return {
    code,
    summary,
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    ...(advice === undefined ? {} : { advice }),
  };
}
