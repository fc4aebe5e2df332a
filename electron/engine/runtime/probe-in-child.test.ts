import { EventEmitter } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import type { ProbeOrder } from '../../contract/models/probe-order.ts';
import { probeInChild } from './probe-in-child.ts';

/** The window's process, as an engine in Electron has it. */
class ParentPortDouble extends EventEmitter {
  readonly orders: ProbeOrder[] = [];
  postMessage(order: ProbeOrder) {
    this.orders.push(order);
  }
}

afterEach(() => Reflect.deleteProperty(process, 'parentPort'));

test('inside Electron the trial is ordered from the window’s process, and each order gets its own answer', async () => {
  const port = new ParentPortDouble();
  Object.assign(process, { parentPort: port });
  const trials = [probeInChild('webgpu'), probeInChild('cuda', { withBlocks: true })];
  expect(port.orders.map(({ args }) => args)).toEqual([['webgpu'], ['cuda', 'blocks']]);
  expect(port.orders[0]!.script).toMatch(/probe-process\.ts$/);
  const [first, second] = port.orders.map(({ id }) => id);
  port.emit('message', { data: { type: 'trace', id: first } });
  port.emit('message', { data: { type: 'probed', id: second, report: null, how: 'exit code 139', log: '' } });
  const report = { failure: null, fusedAttention: true, blockFailure: null, cuda: null };
  port.emit('message', { data: { type: 'probed', id: first, report, how: 'exit code 0', log: 'a card' } });
  expect(await Promise.all(trials)).toMatchObject([
    { ...report, log: 'a card' },
    { failure: 'its trial ended with exit code 139' },
  ]);
  expect(port.listenerCount('message')).toBe(0);
});
