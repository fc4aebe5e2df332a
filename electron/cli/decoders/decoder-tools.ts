import type { DecoderSummary } from '../../contract/protocols/decoders.ts';
import { deserializeError } from '../../contract/problem.ts';
import { noSuch } from '../commands/find-group.ts';
import { endingTasks } from '../commands/tasks/follow-tasks.ts';
import type { LibraryTools } from '../commands/library-context.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';

/** Waits for tasks, and tells what went wrong with any. */
export async function follow(
  tools: LibraryTools,
  ids: readonly string[],
): Promise<{ exitCode: number; done: number }> {
  const progress = new ProgressBar(process.stderr);
  let exitCode: number = exitCodes.done;
  let done = 0;
  for await (const { state, problem } of endingTasks(tools, ids, progress)) {
    if (state === 'done') done += 1;
    if (problem === null) continue;
    progress.clear();
    const error = deserializeError(problem);
    process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
    if (exitCode === exitCodes.done) exitCode = exitCodeOf(error);
  }
  return { exitCode: tools.signal.aborted ? exitCodes.cancelled : exitCode, done };
}

/** @throws FundusLensError `input.invalid`, naming those that exist */
export async function findDecoder(client: LibraryTools['client'], which: string): Promise<DecoderSummary> {
  const all = await client.decoders.list();
  const found = all.find(({ id, name }) => String(id) === which || name === which.normalize('NFC'));
  if (found !== undefined) return found;
  throw noSuch(
    'decoder',
    which,
    all.map(({ id, name }) => `${id} (${name})`),
  );
}

/** A score with its interval, three digits. */
export function showEstimate({ value, low, high }: DecoderSummary['fields'][number]['score']): string {
  const digits = (number: number | null) => number?.toFixed(3) ?? '–';
  return `${digits(value)} (${digits(low)}…${digits(high)})`;
}
