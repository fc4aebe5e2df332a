import { oc } from '@orpc/contract';
import { problemSchema } from './problem.ts';

/** Every call may fail with this one error; `data` is the {@link SerializedError} of what was thrown. */
export const call = oc.errors({ PROBLEM: { status: 422, message: 'The call failed.', data: problemSchema } });
