import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { WorkbenchEvent } from '../../../contract/app/events.ts';
import type { Problem } from '../../../contract/problem.ts';
import { ProgressBar } from '../../terminal/progress-bar.ts';
import { endingTasks } from './follow-tasks.ts';
import type { LibraryTools } from '../library-context.ts';

const problem: Problem = { code: 'library.disk-full', summary: 'The disk of the library is full.' };

/** A workbench whose queue is in trouble from the start, or gets into it. */
function clientOf(events: readonly WorkbenchEvent[], present: Problem | null): LibraryTools['client'] {
  const calls = {
    events: { subscribe: () => Promise.resolve(Readable.from(events)) },
    tasks: {
      counts: () => Promise.resolve({ problem: present }),
      get: () => Promise.resolve({ id: 'queue:1', state: 'running' }),
    },
  };
  return calls as unknown as LibraryTools['client'];
}

test.each([
  ['when it begins', clientOf([{ type: 'resync' }], problem)],
  ['later', clientOf([{ type: 'resync' }, { type: 'queue', paused: false, problem }], null)],
])('nobody waits for a task that cannot be stored, known %s', async (_, client) => {
  const ending = endingTasks(
    { client, signal: new AbortController().signal },
    ['queue:1'],
    new ProgressBar(process.stderr),
  );
  await expect(ending.next()).rejects.toMatchObject({ code: 'library.disk-full' });
});
