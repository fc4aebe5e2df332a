import { expect, test, vi } from 'vitest';
import { GridRows, packGrid } from '../../../electron/contract/images/image-grid.ts';
import { GridIndex, pieceSize } from './grid-index.ts';

const card = (id: number) => ({
  id,
  sha256: '0'.repeat(16),
  patientCode: `P${id}`,
  capturedAt: null,
  fileName: 'a.jpg',
  laterality: 'R' as const,
  traceCount: 0,
  visit: null,
  findings: [],
});

/** A list of ids behind answers that wait until they are let go. */
function source(ids: number[]) {
  const asked: { readonly first: number; readonly answer: () => void }[] = [];
  const arrived: number[] = [];
  const list = { ids };
  const index = new GridIndex({
    read: (first, limit) =>
      new Promise((resolve) => {
        const rows = list.ids.slice(first, first + limit).map(card);
        const { buffer } = packGrid({ total: list.ids.length, first, rows });
        asked.push({ first, answer: () => resolve(new GridRows(buffer)) });
      }),
    arrived: (first) => arrived.push(first),
  });
  return { index, asked, arrived, list };
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
const range = (count: number, from = 1) => Array.from({ length: count }, (_, place) => from + place);

test('what is looked at is asked for first, and only the latest wish', async () => {
  const { index, asked } = source(range(10 * pieceSize));
  const started = index.restart(true);
  asked[0]!.answer();
  expect(await started).toBe(true);
  expect([index.total, index.at(3)?.id, index.at(9 * pieceSize)]).toEqual([10 * pieceSize, 4, undefined]);
  index.want(4 * pieceSize, 4 * pieceSize + 50);
  index.want(6 * pieceSize, 6 * pieceSize + 50);
  index.want(8 * pieceSize, 8 * pieceSize + 50);
  expect(asked.map(({ first }) => first / pieceSize)).toEqual([0, 4, 6]);
  asked[1]!.answer();
  await settled();
  expect(asked.map(({ first }) => first / pieceSize)).toEqual([0, 4, 6, 8]);
});

test('the rest comes when it is quiet, one piece at a time, and then every id is known', async () => {
  vi.useFakeTimers();
  try {
    const ids = range(2 * pieceSize + 5);
    const { index, asked } = source(ids);
    const started = index.restart(true);
    asked[0]!.answer();
    await started;
    expect([asked.length, index.ids()]).toEqual([1, null]);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toHaveLength(2);
    asked[1]!.answer();
    await vi.advanceTimersByTimeAsync(1);
    asked[2]!.answer();
    await vi.advanceTimersByTimeAsync(1);
    expect(index.ids()).toEqual(ids);
  } finally {
    vi.useRealTimers();
  }
});

test('after a change old rows stay until new ones are here; another question clears them', async () => {
  const { index, asked, list } = source(range(3));
  const first = index.restart(true);
  asked[0]!.answer();
  await first;
  list.ids = range(2, 7);
  const second = index.restart(false);
  expect(index.at(0)?.id).toBe(1);
  const third = index.restart(true);
  asked[1]!.answer();
  expect(await second).toBe(false);
  expect(index.at(0)?.id).toBe(1);
  asked[2]!.answer();
  expect(await third).toBe(true);
  expect([index.at(0)?.id, index.at(2), index.total, index.ids()]).toEqual([7, undefined, 2, [7, 8]]);
});
