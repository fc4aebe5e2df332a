import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LensTrace } from './lens-trace.ts';
import { packTrace, unpackTrace } from './codec.ts';

/** Only what packing looks at: text and numbers anywhere, arrays of both kinds anywhere. */
function traceOf(text: string, floats: readonly number[], integers: readonly number[]): LensTrace {
  return {
    schema: 'fundus-lens.trace/1',
    prompt: { text },
    positions: [...integers],
    cells: { topIds: Int32Array.from(integers), entropy: Float32Array.from(floats) },
    concepts: [{ id: text, logProb: Float32Array.from(floats), rank: Int32Array.from(integers) }],
  } as unknown as LensTrace;
}

describe('packTrace and unpackTrace', () => {
  test('what is packed comes back bit for bit, as views of the one buffer', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.array(fc.float()),
        fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
        (text, floats, integers) => {
          const trace = traceOf(text, floats, integers);
          const { buffer } = packTrace(trace);
          const unpacked = unpackTrace(buffer);
          expect(unpacked).toEqual(trace);
          expect(unpacked.cells.topIds.buffer).toBe(buffer);
          expect(unpacked.concepts[0]!.logProb.buffer).toBe(buffer);
        },
      ),
    );
  });

  test('bytes that are no whole trace are refused', () => {
    const packed = packTrace(traceOf('глаз', [1, 2, 3], [4, 5, 6]));
    for (const length of [0, 3, 15, 40, packed.length - 8]) {
      expect(() => unpackTrace(packed.buffer.slice(0, length))).toThrow();
    }
    const newer = packed.slice();
    newer[4] = 2;
    expect(() => unpackTrace(newer.buffer)).toThrow('version 2');
  });

  test('a trace of every image position of a large model opens at once', () => {
    const [layers, positions, topK] = [29, 888, 10];
    const cells = layers * positions;
    const trace = {
      ...traceOf('x', [], []),
      cells: {
        topIds: new Int32Array(cells * topK).fill(7),
        topLogProbs: new Float32Array(cells * topK).fill(-1),
        entropy: new Float32Array(cells),
      },
      concepts: Array.from({ length: 12 }, (_, id) => ({
        id: String(id),
        logProb: new Float32Array(cells),
        rank: new Int32Array(cells),
      })),
    } as unknown as LensTrace;
    const { buffer } = packTrace(trace);
    const started = performance.now();
    expect(unpackTrace(buffer).cells.topIds[123]).toBe(7);
    expect(performance.now() - started).toBeLessThan(100);
  });
});
