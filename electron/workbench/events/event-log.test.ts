import { getEventMeta } from '@orpc/server';
import { describe, expect, test } from 'vitest';
import type { WorkbenchEvent } from '../../contract/app/events.ts';
import { EventLog } from './event-log.ts';

const settings: WorkbenchEvent = { type: 'settings' };
const models: WorkbenchEvent = { type: 'models' };

async function take(stream: AsyncGenerator<WorkbenchEvent, void, void>, count: number) {
  const events: WorkbenchEvent[] = [];
  while (events.length < count) {
    const next = await stream.next();
    if (next.done === true) break;
    events.push(next.value);
  }
  return events;
}

describe('EventLog', () => {
  test('a fresh stream begins with resync, then tells what happens', async () => {
    const log = new EventLog();
    log.publish(models);
    const stream = log.subscribe();
    expect(await take(stream, 1)).toEqual([{ type: 'resync' }]);
    const waiting = take(stream, 2);
    log.publish(settings);
    log.publish(models);
    expect(await waiting).toEqual([settings, models]);
  });

  test('a client that comes back gets exactly what it missed', async () => {
    const log = new EventLog();
    const stream = log.subscribe();
    await take(stream, 1);
    log.publish(settings);
    const [seen] = await take(stream, 1);
    await stream.return();
    const { id } = getEventMeta(seen)!;
    for (let index = 0; index < 50; index++) log.publish(index % 2 === 0 ? models : settings);
    const missed = await take(log.subscribe(id), 50);
    expect(missed).toHaveLength(50);
    expect(missed[0]).toEqual(models);
  });

  test('what is too long ago, of another process or nonsense begins anew', async () => {
    const log = new EventLog();
    log.publish(models);
    const first = log.subscribe();
    const [resync] = await take(first, 1);
    const { id } = getEventMeta(resync)!;
    for (let index = 0; index < 6000; index++) log.publish(settings);
    for (const lastId of [id, '00000000-1', 'nonsense', `${id?.split('-')[0] ?? ''}-999999`]) {
      expect(await take(log.subscribe(lastId), 1)).toEqual([{ type: 'resync' }]);
    }
  });

  test('a stream ends with its signal and with the log', async () => {
    const log = new EventLog();
    const controller = new AbortController();
    const aborted = log.subscribe(undefined, controller.signal);
    const open = log.subscribe();
    await Promise.all([take(aborted, 1), take(open, 1)]);
    const [a, b] = [aborted.next(), open.next()];
    controller.abort();
    expect((await a).done).toBe(true);
    log.close();
    expect((await b).done).toBe(true);
  });
});
