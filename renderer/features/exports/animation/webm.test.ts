import { expect, test } from 'vitest';
import { toWebm } from './webm.ts';

interface Element {
  readonly id: number;
  readonly start: number;
  readonly data: Uint8Array;
}

/** An independent reader of EBML: lengths of any width. */
function read(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at;
    const idWidth = Math.clz32(bytes[at]!) - 23;
    const id = [...bytes.subarray(at, at + idWidth)].reduce((sum, byte) => sum * 256 + byte, 0);
    at += idWidth;
    const width = Math.clz32(bytes[at]!) - 23;
    const size = [...bytes.subarray(at, at + width)].reduce(
      (sum, byte, index) => sum * 256 + (index === 0 ? byte & ((1 << (8 - width)) - 1) : byte),
      0,
    );
    at += width;
    found.push({ id, start, data: bytes.subarray(at, at + size) });
    at += size;
  }
  return found;
}

const number = (data: Uint8Array) => data.reduce((sum, byte) => sum * 256 + byte, 0);
const find = (list: readonly Element[], id: number) => list.find((entry) => entry.id === id)!.data;

test('a WebM file says its type, size and duration, and its cues lead to its clusters', () => {
  const frames = [0, 250, 500, 750, 33_000].map((at, index) => ({
    at,
    isKey: index % 2 === 0,
    data: Uint8Array.from({ length: 300 + index }, () => index),
  }));
  const file = toWebm({ codec: 'V_VP8', width: 720, height: 640, duration: 35_000, frames });
  expect([...file.subarray(0, 4)]).toEqual([0x1a, 0x45, 0xdf, 0xa3]);
  const [head, segment, ...more] = read(file);
  expect(more).toEqual([]);
  expect(new TextDecoder().decode(find(read(head!.data), 0x4282))).toBe('webm');
  const parts = read(segment!.data);
  const info = find(read(find(parts, 0x1549a966)), 0x4489);
  expect(new DataView(info.buffer, info.byteOffset).getFloat64(0)).toBe(35_000);
  const track = read(find(read(find(parts, 0x1654ae6b)), 0xae));
  expect(new TextDecoder().decode(find(track, 0x86))).toBe('V_VP8');
  expect(read(find(track, 0xe0)).map(({ data }) => number(data))).toEqual([720, 640]);
  const clusters = parts.filter(({ id }) => id === 0x1f43b675);
  const times = clusters.flatMap(({ data }) => {
    const start = number(find(read(data), 0xe7));
    return read(data)
      .filter(({ id }) => id === 0xa3)
      .map((block) => start + new DataView(block.data.buffer, block.data.byteOffset).getInt16(1));
  });
  expect(times).toEqual([0, 250, 500, 750, 33_000]);
  const cues = read(find(parts, 0x1c53bb6b)).map(({ data }) =>
    number(find(read(find(read(data), 0xb7)), 0xf1)),
  );
  expect(cues).toEqual(clusters.map(({ start }) => start));
});
