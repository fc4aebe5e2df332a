import { ORPCError, ValidationError, implement } from '@orpc/server';
import { contract } from '../contract/index.ts';
import { FundusLensError } from '../contract/errors.ts';
import { problemOf } from '../contract/problem.ts';

/** The contract, ready to be implemented; whatever a handler throws leaves as the contract's one error. */
export const api = implement(contract).use(async ({ next }) => {
  try {
    return await next();
  } catch (error) {
    throw asProblem(error);
  }
});

function asProblem(error: unknown): unknown {
  if (error instanceof ORPCError) {
    if (!(error.cause instanceof ValidationError)) return error;
    const [issue] = error.cause.issues;
    const place = (issue?.path ?? [])
      .map((part) => String(typeof part === 'object' ? part.key : part))
      .join('.');
    return asProblem(
      new FundusLensError('input.invalid', 'The request is not as expected.', {
        found: `${place === '' ? '' : `${place}: `}${issue?.message ?? 'unknown'}`,
        cause: error,
      }),
    );
  }
  const problem = problemOf(error);
  return new ORPCError('PROBLEM', { status: 422, message: problem.summary, data: problem, cause: error });
}
