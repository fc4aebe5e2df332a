import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FundusLensError } from '../contract/errors.ts';
import type { WorkbenchEvent } from '../contract/app/events.ts';
import type { Task } from '../contract/app/tasks.ts';
import { contentKey } from '../store/database/canonical-json.ts';
import { openLibrary } from '../store/library/library.ts';
import type { Library } from '../store/library/library.ts';
import { scratchFolder } from '../store/testing.ts';
import type { WorkHooks } from './queued-work.ts';
import { RemainingTime } from './remaining-time.ts';
import { RunningTasks } from './running-tasks.ts';
import type { TaskPlan } from './task-plan.ts';
import { TaskQueue } from './task-queue.ts';
import { Tasks } from './tasks.ts';

let folder: string;
let library: Library;
let clock: number;
let published: WorkbenchEvent[];
let running: RunningTasks;
let queue: TaskQueue;
let tasks: Tasks;

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();

beforeEach(async () => {
  folder = scratchFolder();
  clock = 0;
  published = [];
  library = await openLibrary(folder, { now: () => new Date(at(clock)) });
  const events = { publish: (event: WorkbenchEvent) => published.push(event) };
  const kinds = {
    trace: {
      describe: (rows: readonly { readonly id: number }[]) =>
        rows.map(({ id }) => ({ modelId: null, title: { fileName: `${id}.png` } })),
      run: () => Promise.reject(new Error('not in this test')),
    },
  };
  running = new RunningTasks(events, () => undefined);
  queue = new TaskQueue({ library, isReadOnly: false }, kinds, events);
  tasks = new Tasks([running, queue]);
});
afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true });
});

/** Puts a row into the queue, made at that minute. */
function queueAt(minute: number): void {
  clock = minute;
  const request = { minute };
  const key = contentKey({ minute, n: library.queue.counts().queued });
  library.queue.enqueue([{ kind: 'trace', contentKey: key, request, imageId: null, modelKey: '' }]);
}

function plan(id: string, minute: number, change: Partial<TaskPlan> = {}): TaskPlan {
  return {
    id,
    kind: 'import',
    title: { fileName: id },
    createdAt: at(minute),
    resumable: false,
    repeatable: true,
    run: () => Promise.resolve(null),
    ...change,
  };
}

/** Runs until it is aborted. */
const untilAborted = ({ signal }: WorkHooks) =>
  new Promise<null>((_, reject) => {
    const end = () => reject(new Error('aborted'));
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  });

const idsOf = (list: readonly Task[]) => list.map(({ id }) => id);

describe('one list of everything', () => {
  test('is newest first, and every page goes on where the one before ended', async () => {
    for (const minute of [1, 3, 3, 5]) queueAt(minute);
    for (const [id, minute] of [
      ['b', 3],
      ['a', 2],
      ['c', 5],
      ['d', 6],
    ] as const) {
      running.start(plan(id, minute));
      await running.wait(id);
    }
    const whole = idsOf(tasks.list({}, 100));
    expect(whole).toEqual(['d', 'c', 'queue:4', 'b', 'queue:3', 'queue:2', 'a', 'queue:1']);
    for (const size of [1, 2, 3, 5]) {
      const pages: string[] = [];
      for (let page = 0; page * size < whole.length; page++) {
        pages.push(...idsOf(tasks.list({}, size, pages.at(-1))));
      }
      expect(pages).toEqual(whole);
    }
    expect(idsOf(tasks.list({ kinds: ['trace'], states: ['queued'] }, 2))).toEqual(['queue:4', 'queue:3']);
    expect(tasks.counts()).toMatchObject({ queued: 4, done: 4 });
    expect(tasks.counts(['import'])).toMatchObject({ queued: 0, done: 4 });
    expect(() => tasks.get('queue:99')).toThrow('no such task');
  });

  test('does to each what it can, and leaves the others as they are', async () => {
    queueAt(1);
    running.start(plan('import', 2, { run: untilAborted }));
    expect(tasks.get('queue:1')).toMatchObject({ title: { fileName: '1.png' }, can: { pause: true } });
    const all = ['queue:1', 'import', 'unknown'];
    expect(await tasks.act('pause', all)).toBe(1);
    expect(await tasks.act('dismiss', all)).toBe(0);
    expect(await tasks.act('cancel', all)).toBe(2);
    expect(all.slice(0, 2).map((id) => tasks.get(id).state)).toEqual(['cancelled', 'cancelled']);
    expect(await tasks.act('dismiss', all)).toBe(1);
    expect(idsOf(tasks.list({}, 10))).toEqual(['queue:1']);
    const seen = published.flatMap((event) =>
      event.type === 'task' ? `${event.task.id} ${event.task.state}` : [],
    );
    expect(seen).toEqual(expect.arrayContaining(['queue:1 paused', 'queue:1 cancelled', 'import cancelled']));
  });
});

describe('tasks of this process', () => {
  test('of one lane run one after another, and one that waits can be cancelled at once', async () => {
    const order: string[] = [];
    const { promise: held, resolve: release } = Promise.withResolvers<unknown>();
    const noting = (id: string, before: Promise<unknown> = Promise.resolve()) =>
      plan(id, 1, {
        lane: 'import',
        run: async ({ signal }) => {
          await before;
          signal.throwIfAborted();
          order.push(id);
          return null;
        },
      });
    running.start(noting('first', held));
    running.start(noting('second'));
    running.start(noting('third'));
    expect(['first', 'second', 'third'].map((id) => running.get(id)!.state)).toEqual([
      'running',
      'queued',
      'queued',
    ]);
    expect(await running.act('cancel', ['second'])).toBe(1);
    expect(running.get('second')!.state).toBe('cancelled');
    expect(order).toEqual([]);
    release(null);
    await running.wait('third');
    expect(order).toEqual(['first', 'third']);
  });

  test('a failure is kept with its problem, tried again, and the last progress is always published', async () => {
    let attempt = 0;
    const run = ({ onProgress }: WorkHooks) => {
      attempt += 1;
      onProgress('fetch', attempt, 10);
      onProgress('fetch', attempt + 1, 10);
      if (attempt === 1) return Promise.reject(new TypeError('broken'));
      return new Promise<number>((resolve) => setTimeout(() => resolve(7), 400));
    };
    running.start(plan('download', 1, { kind: 'model-download', resumable: true, run }));
    expect(await running.wait('download')).toMatchObject({
      state: 'failed',
      problem: { code: 'internal', summary: 'broken' },
      can: { retry: true, cancel: true, dismiss: false },
      attempts: 1,
    });
    await running.act('retry', ['download']);
    expect(await running.wait('download')).toMatchObject({ state: 'done', modelId: 7, attempts: 2 });
    const progress = published.flatMap((event) =>
      event.type === 'task-progress' ? event.progress.done : [],
    );
    expect(progress).toContain(3);
  });
});

test('the time that is left follows the pace of the last seconds, and begins anew with a stage', () => {
  const remaining = new RemainingTime();
  const fetch = (done: number) => ({ stage: 'fetch' as const, done, total: 100, item: null });
  expect(remaining.estimate(fetch(0), 0)).toBeNull();
  expect(remaining.estimate(fetch(10), 500)).toBeNull();
  expect(remaining.estimate(fetch(20), 2000)).toBe(8000);
  expect(remaining.estimate({ ...fetch(20), stage: 'hash' }, 3000)).toBeNull();
});

describe('a queue whose disk is full', () => {
  const full = () => {
    throw new FundusLensError('library.disk-full', 'The disk of the library is full; nothing was changed.');
  };

  test('says so until results can be stored again, and then goes on by itself', async () => {
    const store = () => 1;
    const kinds = {
      trace: { describe: () => [], run: () => Promise.resolve({ store }) },
    };
    const events = { publish: (event: WorkbenchEvent) => published.push(event) };
    const errors: string[] = [];
    const options = { pollMilliseconds: 5, onError: (event: string) => errors.push(event) };
    queueAt(1);
    const full1 = (['finish', 'fail', 'recover'] as const).map((name) =>
      vi.spyOn(library.queue, name).mockImplementation(full),
    );
    const real = new TaskQueue({ library, isReadOnly: false }, kinds, events, options);
    real.start();
    await expect.poll(() => real.status().problem?.code).toBe('library.disk-full');
    expect(published).toContainEqual(
      expect.objectContaining({
        type: 'queue',
        problem: expect.objectContaining({ code: 'library.disk-full' }) as unknown,
      }),
    );
    // The same trouble at every look is one entry of the log.
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(errors.length).toBeLessThan(5);
    for (const spy of full1) spy.mockRestore();
    await expect.poll(() => real.status().problem).toBeNull();
    await real.stop();
    expect(library.queue.list({ kinds: ['trace'], limit: 1 })[0]?.state).not.toBe('running');
  });
});
