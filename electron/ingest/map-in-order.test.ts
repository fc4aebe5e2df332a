import { describe, expect, it } from 'vitest';
import { mapInOrder } from './map-in-order.ts';

describe('mapInOrder', () => {
  it('yields in the order of the items', async () => {
    const results: number[] = [];
    for await (const result of mapInOrder(items(4), 3, (n) => later(n, 40 - 10 * n))) results.push(result);
    expect(results).toEqual([0, 1, 2, 3]);
  });

  it('fails as the first failing item, and handles those that fail before their turn', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const run = async () => {
      for await (const result of mapInOrder(items(2), 2, async (n) => {
        await later(n, n === 0 ? 30 : 1);
        throw new Error(`item ${n}`);
      }))
        expect(result).toBeUndefined();
    };
    await expect(run()).rejects.toThrow('item 0');
    await later(0, 5);
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});

async function* items(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) yield await Promise.resolve(n);
}

function later<T>(value: T, milliseconds: number): Promise<T> {
  return new Promise((resolve) => setTimeout(() => resolve(value), milliseconds));
}
