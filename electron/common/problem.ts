import { problemSchema } from './app-model.ts';
import type { Problem } from './app-model.ts';
import { serializeError } from './errors.ts';

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
