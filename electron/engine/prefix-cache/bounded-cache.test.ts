import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BoundedCache } from './bounded-cache.ts';

const action = fc.record({
  kind: fc.constantFrom('put', 'put if room', 'get'),
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  size: fc.integer({ min: 1, max: 12 }),
});

it('holds at most its size, forgets what was used longest ago, and never gives a value of another key', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const cache = new BoundedCache<{ readonly text: string }>(20);
      /** What a list that is searched from end to end would hold; the oldest first. */
      let model: { key: string; value: { readonly text: string }; size: number }[] = [];
      const total = () => model.reduce((sum, { size }) => sum + size, 0);
      for (const [index, { kind, key, size }] of actions.entries()) {
        const old = model.find((entry) => entry.key === key);
        if (kind === 'get') {
          expect(cache.get(key)).toBe(old?.value);
          if (old !== undefined) model = [...model.filter((entry) => entry !== old), old];
          continue;
        }
        model = model.filter((entry) => entry !== old);
        const fits = size <= (kind === 'put' ? 20 : 20 - total());
        const value = { text: `${key}${index}` };
        expect(cache.put(key, value, size, { onlyIfRoom: kind === 'put if room' })).toBe(fits);
        if (fits) {
          while (total() + size > 20) model.shift();
          model.push({ key, value, size });
        }
        expect(cache.size).toBe(total());
      }
    }),
  );
});

it('forgets everything when it is told to', () => {
  const cache = new BoundedCache<{ readonly value: number }>(2);
  cache.put('a', { value: 1 }, 2);
  cache.clear();
  expect([cache.get('a'), cache.size]).toEqual([undefined, 0]);
});

it('of size 0 remembers nothing', () => {
  const none = new BoundedCache<{ readonly value: number }>(0);
  expect(none.put('a', { value: 1 }, 1)).toBe(false);
  expect([none.get('a'), none.size]).toEqual([undefined, 0]);
});
