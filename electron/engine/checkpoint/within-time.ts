import { createContext, Script } from 'node:vm';

const context = createContext({ work: () => undefined });
const script = new Script('work()');

/**
 * Runs work that an expression of a checkpoint's files may keep busy for ever, such as a backtracking regular expression or an
 * endless loop of a template; the engine is interrupted, and lives on.
 *
 * @param work synchronous
 * @param milliseconds that it may take
 * @param explain the error that is thrown when it took longer
 * @throws what `explain` returns, and whatever `work` throws
 */
export function withinTime<T>(work: () => T, milliseconds: number, explain: () => Error): T {
  const holder = context as { work: () => unknown };
  const outer = holder.work;
  holder.work = work;
  try {
    return script.runInContext(context, { timeout: milliseconds }) as T;
  } catch (error) {
    // Made in the context, so that it is no Error of ours.
    const isLate =
      typeof error === 'object' &&
      error !== null &&
      'code' in error &&
      error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
    throw isLate ? explain() : error;
  } finally {
    holder.work = outer;
  }
}
