import { expect, test } from 'vitest';
import { seededRandom } from '../linear/random.ts';
import { fitTokenHead, mapTokens } from './token-head.ts';
import type { TokenRequest } from './token-head.ts';

/** 30 images of 5 × 4 or 6 × 4 tokens; layer 1 knows the places, layer 0 does not. */
function makeRequest(overrides: Partial<TokenRequest> = {}): TokenRequest {
  const random = seededRandom(21);
  const width = 12;
  const tokens = Array.from({ length: 30 }, (_, image) => (image % 2 === 0 ? 20 : 24));
  const total = tokens.reduce((a, b) => a + b, 0);
  const shares = Float64Array.from({ length: total }, () => Math.max(0, random.next() * 1.5 - 1.1) * 2.4);
  const layer = (planted: number) =>
    Float32Array.from({ length: total * width }, (_, at) => {
      const signal = at % width === 3 ? planted * shares[Math.floor(at / width)]! : 0;
      return 2 + random.next() - 0.5 + signal;
    });
  return {
    field: 'hard exudates',
    set: 'image-tokens',
    width,
    patients: tokens.map((_, image) => `patient ${Math.floor(image * 0.8)}`),
    tokens,
    layers: [
      { layer: 0, values: layer(0) },
      { layer: 1, values: layer(2) },
    ],
    shares,
    options: { bootstrapSamples: 100 },
    ...overrides,
  };
}

test('places are found at the layer that knows them, on patients left out', () => {
  const request = makeRequest();
  const { head, report } = fitTokenHead(request);
  expect(head.layer).toBe(1);
  expect(report.curve.map(({ layer }) => layer)).toEqual([0, 1]);
  expect(report.curve[0]!.auroc.low).toBeLessThan(0.5);
  expect(report.curve[0]!.auroc.high).toBeGreaterThan(0.45);
  expect(report.curve[1]!.auroc.value).toBeGreaterThan(0.85);
  expect(report.chosen.auroc.value).toBeCloseTo(report.curve[1]!.auroc.value!, 12);
  expect(report.chosen.auprc.value).toBeGreaterThan(2 * report.prevalence);
  const mean = report.map.reduce((sum, value) => sum + value, 0) / report.map.length;
  expect(Math.abs(mean - report.prevalence)).toBeLessThan(0.03);
  const map = mapTokens(head, request.layers[1]!.values.subarray(0, 20 * 12));
  expect(map.length).toBe(20);
  // The head that knows the patient and the one that does not see nearly the same.
  map.forEach((value, token) => expect(Math.abs(value - report.map[token]!)).toBeLessThan(0.25));
});

test('sampled tokens find the same places', () => {
  const { report } = fitTokenHead(makeRequest({ options: { maxTokens: 200, bootstrapSamples: 20 } }));
  expect(report.chosen.auroc.value).toBeGreaterThan(0.8);
});

test.each<[string, string, (base: TokenRequest) => TokenRequest]>([
  ['nothing marked', 'decoder.one-class', (base) => ({ ...base, shares: base.shares.map(() => 0) })],
  [
    'marked in few patients',
    'decoder.too-few-patients',
    (base) => ({ ...base, shares: base.shares.map((share, row) => (row < 200 ? share : 0)) }),
  ],
  ['tokens of another width', 'decoder.width', (base) => ({ ...base, width: 11 })],
  [
    'NaN',
    'decoder.not-finite',
    (base) => ({
      ...base,
      layers: base.layers.map((layer) => ({ ...layer, values: layer.values.with(7, NaN) })),
    }),
  ],
  ['shares of other tokens', 'decoder.labels', (base) => ({ ...base, shares: base.shares.slice(1) })],
])('%s: %s', (_, code, change) => {
  expect(() => fitTokenHead(change(makeRequest()))).toThrow(expect.objectContaining({ code }) as Error);
});
