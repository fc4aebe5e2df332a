import { expect, test } from 'vitest';
import { serializeError } from '../../contract/problem.ts';
import { engineEnded } from '../../engine/process/engine-process.ts';
import { RelayedEngines } from './relayed-engines.ts';
import type { EngineOrder } from './workbench-messages.ts';

test('an engine of another process is started, spoken to and ended through the line', async () => {
  const orders: EngineOrder[] = [];
  const engines = new RelayedEngines((order) => orders.push(structuredClone(order)));
  const events: unknown[] = [];
  const ends: Error[] = [];
  const listener = {
    onEvent: (event: unknown) => events.push(event),
    onEnd: (error: Error) => ends.push(error),
  };
  const engine = engines.fork(new URL('file:///app/node/worker.js'), listener, { LIBRARIES: '/home/a' });
  expect(engine.pid).toBeNull();
  engine.post({ type: 'cancel', id: 7 });
  engines.receive({ type: 'engine-event', engine: 1, pid: 42, event: { type: 'ready' } });
  expect(engine.pid).toBe(42);
  expect(events).toEqual([{ type: 'ready' }]);
  engine.kill();
  const ended = engine.end();
  engines.receive({
    type: 'engine-end',
    engine: 1,
    error: serializeError(engineEnded(null, 'SIGKILL', 'last words')),
  });
  await ended;
  await engine.end();
  expect(ends).toMatchObject([
    { code: 'engine.killed', found: expect.stringContaining('last words') as string },
  ]);
  expect(orders).toEqual([
    {
      type: 'engine-start',
      engine: 1,
      script: '/app/node/worker.js',
      environment: { LIBRARIES: '/home/a' },
    },
    { type: 'engine-post', engine: 1, command: { type: 'cancel', id: 7 } },
    { type: 'engine-kill', engine: 1 },
    { type: 'engine-close', engine: 1 },
  ]);
});

test('news of an engine that is gone, and of two at a time, reach the right one', () => {
  const engines = new RelayedEngines(() => undefined);
  const heard: string[] = [];
  const listen = (name: string) => ({
    onEvent: () => heard.push(name),
    onEnd: () => heard.push(`${name} ended`),
  });
  engines.fork('/a.js', listen('first'), {});
  engines.fork('/a.js', listen('second'), {});
  engines.receive({ type: 'engine-event', engine: 2, pid: 1, event: { type: 'ready' } });
  engines.receive({ type: 'engine-end', engine: 1, error: { code: 'internal', summary: 'gone' } });
  engines.receive({ type: 'engine-event', engine: 1, pid: 1, event: { type: 'ready' } });
  expect(heard).toEqual(['second', 'first ended']);
});
