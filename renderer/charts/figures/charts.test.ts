import { expect, test } from 'vitest';
import type { ChartTheme } from '../chart-theme.ts';
import {
  inkOn,
  colorTable,
  sampleColor,
  scaleColors,
  scaleNames,
} from '../../../electron/engine/lens-trace/overlay/color-scales.ts';
import { alignedLayer, compareCurves } from './compare-curves.ts';
import { competitorBars, divideProbability } from './competitor-bars.ts';
import { conceptCurves, shortNumber } from './concept-curves.ts';
import { decoderCurves } from './decoder-curves.ts';
import { figureSides, layerAt, layerCentre, tableToCsv } from '../figure.ts';
import type { FigureText } from '../figure.ts';
import { groupEmergence } from './group-emergence.ts';
import { groupCurves, groupDifference, significantLayers } from './group-curves.ts';
import { heatStrip } from './heat-strip.ts';
import { leadingConcepts } from '../../../electron/engine/lens-trace/overlay/leading-concepts.ts';
import {
  answerIndex,
  countEarlyLayers,
  imageLayout,
  neighbourCell,
  positionKind,
  showToken,
  sinkMask,
  toppingTokens,
} from '../../reading/reading.ts';
import { sampleTrace } from './sample-trace.test-data.ts';
import { tokenCurves } from './token-curves.ts';
import { uncertaintyCurves } from './uncertainty-curves.ts';
import { buildOverlay } from '../../../electron/engine/lens-trace/overlay/overlay-series.ts';

const theme: ChartTheme = {
  background: '#fff',
  surface: '#eee',
  text: '#000',
  textSoft: '#333',
  axis: '#444',
  grid: '#ddd',
  shade: '#eee',
  line: '#777',
  accent: '#066',
  font: 'sans-serif',
  series: Array.from({ length: 8 }, (_, index) => `#00000${index}`),
};
const text: FigureText = {
  layer: 'Layer',
  rank: 'Rank',
  token: 'Token',
  probability: 'Probability',
  logProbability: 'Log',
  entropy: 'Entropy',
  divergence: 'KL',
  nats: 'nats',
  emergence: 'Emergence',
  concept: 'Concept',
  difference: 'Difference',
  formatNumber: String,
  formatProbability: (value) => value.toFixed(3),
};
const trace = sampleTrace();

test('image tokens lie on the photograph row by row, and other positions do not', () => {
  const layout = imageLayout(trace)!;
  expect([layout.columns, layout.rows]).toEqual([3, 2]);
  expect([...layout.cells]).toEqual([0, 1, 2, 3, 4, 5]);
  expect(answerIndex(trace)).toBe(6);
  expect([0, 6].map((index) => positionKind(trace, index))).toEqual(['image', 'answer']);
  expect(imageLayout({ ...trace, positions: [7] })).toBeNull();
});

test('a residual norm above mean + 2 σ is a sink at its layer only', () => {
  const layout = imageLayout(trace)!;
  expect([...sinkMask(trace, 2, layout)]).toEqual([0, 0, 0, 0, 1, 0]);
  expect([...sinkMask(trace, 1, layout)]).toEqual([0, 0, 0, 0, 0, 0]);
});

test('layers are hard to read until the divergence falls below half of its largest value', () => {
  expect(countEarlyLayers(trace, 6)).toBe(3);
});

test('every layer, the last one too, has its column in the heat strip, and markup in tokens stays text', () => {
  const { option, table } = heatStrip(trace, theme, text, {
    positionIndex: 6,
    ranks: 2,
    scale: 'viridis',
    width: 900,
  });
  const [series] = option.series as { data: { value: number[] }[] }[];
  expect(new Set(series!.data.map(({ value }) => value[0]))).toEqual(new Set([0, 1, 2, 3, 4]));
  expect(table.rows).toHaveLength(10);
  const { formatter } = option.tooltip as { formatter: (params: unknown) => string };
  const shown = formatter({ data: { value: [2, 0] } });
  expect(shown).toContain('&#60;b&#62;');
  expect(shown).toContain('0.600');
  expect(shown).not.toContain('<b>');
});

test('concept curves mark the emergence layer, and "never" is a value of the table', () => {
  const { option, table } = conceptCurves(trace, theme, text, {
    positionIndex: 6,
    scale: 'probability',
    logarithmic: true,
    conceptIds: ['eye', 'cat'],
    language: 'en',
  });
  const [, eye, cat] = option.series as { data: number[]; markPoint?: { data: { coord: number[] }[] } }[];
  expect(eye!.data[0]).toBeCloseTo(0.05);
  expect(eye!.markPoint!.data[0]!.coord[0]).toBe(3);
  expect(cat!.markPoint).toBeUndefined();
  expect(table.rows.filter(([, id]) => id === 'cat').every((row) => row.at(-1) === 'never')).toBe(true);
});

test('entropy and divergence keep their units in the table', () => {
  const { table } = uncertaintyCurves(trace, theme, text, { positionIndex: 6 });
  expect(table.columns).toEqual(['layer', 'entropy_nats', 'kl_to_last_layer_nats', 'residual_norm']);
  expect(table.rows.at(-1)).toEqual([4, 1, 0, 1]);
});

test('a token that tops a layer is followed by its own id, with gaps where it is not kept', () => {
  const tokens = toppingTokens(trace, 6);
  expect(tokens.map(({ tokenId }) => tokenId)).toEqual([0, 1, 2, 3, 4]);
  expect(tokens[1]!.probability.map((value) => value === null)).toEqual([true, false, true, true, true]);
  expect(tokenCurves(trace, theme, text, { positionIndex: 6, limit: 3 }).table.rows).toHaveLength(25);
});

test('targets lead before controls, whatever their probability', () => {
  expect(leadingConcepts(trace, 6, 2)).toEqual(['eye', 'cat']);
});

test('layers of traces of different depth are aligned by relative depth', () => {
  expect([0, 2, 4].map((layer) => alignedLayer(layer, 5, 9))).toEqual([0, 4, 8]);
  const { table } = compareCurves(
    [
      { trace, name: 'A', positionIndex: 6 },
      { trace, name: 'B', positionIndex: 6 },
    ],
    'eye',
    theme,
    text,
    { scale: 'rank', logarithmic: false },
  );
  expect(table.rows).toHaveLength(10);
});

test('a pixel and its layer agree in both directions', () => {
  for (let layer = 0; layer < 29; layer++) expect(layerAt(layerCentre(layer, 29, 700), 29, 700)).toBe(layer);
  expect(layerAt(0, 29, 700)).toBe(0);
  expect(layerAt(9999, 29, 700)).toBe(28);
  expect(figureSides.left).toBeGreaterThan(0);
});

test('CSV quotes what needs it and begins with the provenance', () => {
  const csv = tableToCsv(
    {
      columns: ['a', 'b'],
      rows: [
        [',"', null],
        ['x\ny', 1.5],
      ],
    },
    'from\nhere',
  );
  expect(csv).toBe('# from here\r\na,b\r\n",""",\r\n"x\ny",1.5\r\n');
});

test('colours follow their scale, and texts on them can be read', () => {
  for (const name of scaleNames) {
    const table = colorTable(name);
    expect(table).toHaveLength(256);
    expect(table[0]! & 255).toBe(sampleColor(scaleColors(name), 0)[0]);
  }
  expect(inkOn([253, 231, 37])).toBe('#0b0f11');
  expect(inkOn([68, 1, 84])).toBe('#f4f7f8');
});

test('the overlay has one scale for all layers and leaves untraced cells out', () => {
  const layout = imageLayout({ ...trace, positions: [1, 2, 3, 7] })!;
  expect([...layout.cells]).toEqual([0, 1, 2, -1, -1, -1]);
  const series = buildOverlay(trace, imageLayout(trace)!, {
    mode: 'concept',
    conceptIndex: 0,
    logarithmic: false,
  });
  expect(series.domain[1]).toBeCloseTo(0.25);
  expect(series.levels[0]).toBe(51);
  expect(series.levels.at(-1)).toBe(255);
  const top = buildOverlay(trace, imageLayout(trace)!, {
    mode: 'top-token',
    conceptIndex: 0,
    logarithmic: true,
  });
  expect(top.textAt!(0, 0)).toBe('·eye');
});

test('what cannot be seen in a token is shown', () => {
  expect([' a', '\n', '', 'b\t'].map(showToken)).toEqual(['·a', '↵', '∅', 'b⇥']);
  expect(shortNumber(1e-6, text)).toBe('10⁻⁶');
});

test('a group is drawn with its interval beside its controls, and only corrected differences are marked', () => {
  const counts = { traceCount: 3, patientCount: 2, unreadCount: 0, otherCount: 0 };
  const curve = { ...counts, mean: [-9, -1], lower: [-10, -2], upper: [-8, 1] };
  const statistics = {
    group: curve,
    control: { ...curve, mean: [-9, -4] },
    difference: {
      mean: [0, 3],
      lower: [-1, 2],
      upper: [1, 4],
      pValue: [0.9, 0.01],
      correctedPValue: [0.9, 0.02],
      test: 'permutation' as const,
      leftOutCount: 0,
    },
  };
  const figure = groupCurves(statistics, { group: 'Г', control: 'К' }, theme, text);
  const series = figure.option.series as { name: string; data: number[]; stackStrategy?: string }[];
  expect(series.map(({ name }) => name)).toEqual(['', '', 'Г', '', '', 'К']);
  expect(series[1]!.data).toEqual([2, 3]);
  expect(series[1]!.stackStrategy).toBe('all');
  expect(figure.table.rows).toHaveLength(4);
  expect(significantLayers(statistics)).toEqual([1]);
  const difference = groupDifference(statistics, theme, text, { title: 'Δ', corrected: 'p' });
  const [, , line] = difference.option.series as { data: { symbol: string }[] }[];
  expect(line!.data.map(({ symbol }) => symbol)).toEqual(['circle', 'diamond']);
});

test('the next patch stays on the photograph; from the answer it is the one in the middle', () => {
  const grid = { columns: 3, rows: 2 };
  expect(neighbourCell(grid, null, 1, 0)).toBe(4);
  expect(neighbourCell(grid, -1, 0, 1)).toBe(4);
  expect(neighbourCell(grid, 2, 1, 0)).toBe(2);
  expect(neighbourCell(grid, 2, -1, 1)).toBe(4);
});

test("a decoder's scores stand beside shuffled labels and pixels, and an unknown score is a gap", () => {
  const estimate = (value: number | null) => ({
    value,
    low: value === null ? null : value - 0.1,
    high: value === null ? null : value + 0.1,
  });
  const point = (layer: number, value: number | null) => ({
    layer,
    score: estimate(value),
    shuffled: estimate(0.5),
    selectivity: null,
  });
  const { option, table } = decoderCurves(
    {
      measure: 'auroc',
      curves: [
        { set: 'image-mean', role: 'layers', points: [point(1, 0.7), point(2, null), point(3, 0.9)] },
        { set: 'pixels', role: 'baseline', points: [point(0, 0.6)] },
      ],
    },
    theme,
    text,
    { measure: 'AUROC', shuffled: 'shuffled', setName: (set) => set },
  );
  const series = option.series as { name: string; data: (number | null)[] }[];
  const dataOf = (name: string) => series.find((each) => each.name === name)!.data;
  expect(dataOf('image-mean')).toEqual([0.7, null, 0.9]);
  expect(dataOf('shuffled')).toEqual([0.5, 0.5, 0.5]);
  expect(dataOf('pixels')).toEqual([0.6, 0.6, 0.6]);
  expect(table.rows[1]).toEqual(['image-mean', 2, null, null, null]);
  const { formatter } = option.tooltip as { formatter: (params: unknown) => string };
  expect(formatter([{ dataIndex: 1 }])).not.toContain('image-mean');
});

test('the probability of the first word is divided once: a parent holds what is below it, and a layer adds up to one', () => {
  const read = (id: string, shares: readonly number[], parent?: string) => ({
    ...trace.concepts[0]!,
    id,
    label: { en: id, ru: id },
    parent,
    words: { logProb: Float32Array.from(shares, Math.log), logOdds: new Float32Array(2), numBounded: 0 },
  });
  const layers = [0, 1];
  const concepts = [
    read('view', [0.25, 0.75]),
    read('retina', [0.125, 0.5], 'view'),
    read('disc', [0.0625, 0.125], 'view'),
    { ...read('thing', [0.5, 0.125]), role: 'control' as const },
    { ...read('car', [0.25, 0.125], 'thing'), role: 'control' as const },
  ];
  const parts = divideProbability({ concepts, layers })!;
  const shares = Object.fromEntries(parts.map(({ id, kind, shares: own }) => [id ?? kind, own]));
  const close = (...values: number[]) => values.map((value) => expect.closeTo(value, 6) as number);
  expect(shares).toMatchObject({
    retina: close(0.125, 0.5),
    disc: close(0.0625, 0.125),
    view: close(0.0625, 0.125),
    thing: close(0.5, 0.125),
    rest: close(0.25, 0.125),
  });
  expect(shares).not.toHaveProperty('car');
  for (const row of layers) expect(parts.reduce((sum, part) => sum + part.shares[row]!, 0)).toBeCloseTo(1, 6);
  const words = { otherOf: (parent: string) => `${parent}: other`, otherConcepts: 'others', rest: 'rest' };
  const { option, table } = competitorBars({ layers }, parts, theme, text, 'en', words);
  const series = option.series as { name: string; stack: string }[];
  expect(series.map(({ name }) => name)).toEqual(['retina', 'disc', 'view: other', 'thing', 'rest']);
  expect(new Set(series.map(({ stack }) => stack)).size).toBe(1);
  expect(table.rows.at(-1)).toEqual([1, 'rest', null, expect.closeTo(0.125, 6)]);
  expect(divideProbability(trace)).toBeNull();
});

test('the emergence of a group ends at what is not never, in figure and table', () => {
  const emergence = {
    ...{ imageCount: 4, cumulative: [0, 0.25, 0.75], layer: 2, layerInterval: [1, null] },
    ...{ never: 0.25, neverInterval: [0, 0.5] },
  };
  const { option, table } = groupEmergence([{ name: 'Г', emergence }], theme, text, {
    share: 'Share',
    never: 'never',
  });
  const [series] = option.series as { data: number[]; step: string }[];
  expect(series).toMatchObject({ data: [0, 0.25, 0.75], step: 'middle' });
  expect(table.rows.at(-1)).toEqual(['Г', 2, 0.75, 0.25, 0, 0.5]);
  const { formatter } = option.tooltip as { formatter: (params: unknown) => string };
  expect(formatter([{ dataIndex: 2 }])).toContain('(never: 0.250)');
});
