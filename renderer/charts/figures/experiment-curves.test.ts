import { expect, test } from 'vitest';
import type { ConceptResult } from '../../../electron/contract/experiments.ts';
import type { ChartTheme } from '../chart-theme.ts';
import type { FigureText } from '../figure.ts';
import {
  conceptOddsCurve,
  curvedConcepts,
  emergenceCurves,
  layersAbove,
  leadingTokens,
  notebookCurves,
} from './experiment-curves.ts';

const theme: ChartTheme = {
  ...{ background: '#fff', surface: '#eee', text: '#000', textSoft: '#333', axis: '#444', grid: '#ddd' },
  ...{ shade: '#eee', line: '#777', accent: '#066', font: 'sans-serif', series: ['#111', '#222'] },
};
const text: FigureText = {
  ...{ layer: 'Layer', rank: 'Rank', token: 'Token', probability: 'Probability', logProbability: 'Log' },
  ...{ entropy: 'Entropy', divergence: 'KL', nats: 'nats', emergence: 'Emergence', concept: 'Concept' },
  ...{ difference: 'Difference', formatNumber: String },
  formatProbability: (value) => `${Math.round(100 * value)} %`,
};
const concept: ConceptResult = {
  ...{ id: 'retina', label: { en: 'Retina', ru: 'Сетчатка' }, role: 'target' },
  ...{ readable: 3, never: 1, notAsked: 0, notIdentifiable: 0 },
  emergence: {
    ...{ patients: 3, photographs: 4, cumulative: [0, 0.5, 0.75], never: 0.25, neverInterval: [0, 0.67] },
    ...{ layer: 1, interval: [1, null] },
  },
  curves: {
    patients: 3,
    photographs: { mean: [-4, 1, 3], lower: [-5, 0, 2], upper: [-3, 2, 4] },
    ...{ controls: [-2, 0, 1], correctedP: [0.01, 0.2, 0.01], attainableP: 0.01 },
  },
};
const layers = [0, 1, 2];

test('a layer is marked where it is above the controls, not where it is below them', () => {
  expect(layersAbove({ curves: concept.curves! }, layers)).toEqual([2]);
  expect(layersAbove({ curves: { ...concept.curves!, correctedP: null } }, layers)).toEqual([]);
});

test('the table of a concept holds mean, interval, controls and p of every layer', () => {
  const [curved] = curvedConcepts({ concepts: [concept, { ...concept, curves: null }] });
  const words = { odds: 'odds', photographs: 'mean', controls: 'control', p: 'p' };
  const { table } = conceptOddsCurve(curved!, layers, theme, text, words);
  expect(table.rows[2]).toEqual(['retina', 3, 2, 3, 2, 4, 1, 0.01]);
});

test('who never emerges stands in the name and in the table', () => {
  const words = { share: 'share', never: (share: number) => `never: ${share}` };
  const condition = { concepts: [concept, { ...concept, emergence: null }], layers };
  const { option, table } = emergenceCurves(condition, 'ru', theme, text, words);
  expect(option.series).toMatchObject([{ name: 'Сетчатка (never: 0.25)', data: [0, 0.5, 0.75] }]);
  expect(table.rows).toHaveLength(3);
  expect(table.rows[1]).toEqual(['retina', 1, 0.5, 0.25, 0, 0.67, 3, 4]);
});

test('the notebook’s curves say in how many photographs they are of their label', () => {
  const ranks = [{ rank: 1, label: ' eye', labelled: 4, probability: [0.1, 0.5, 0.9], ofLabel: [0, 1, 4] }];
  const { option, table } = notebookCurves({ ranks, layers, photographs: 4 }, theme, text, () => '');
  expect(option.series).toMatchObject([{ name: '1. ·eye' }]);
  expect(table.rows[1]).toEqual([1, ' eye', 4, 1, 0.5, 1]);
});

test('leading tokens are coloured by their share of the photographs', () => {
  const leading = [
    { layer: 0, meanProbability: 0.2, tokens: [{ text: 'a', photographs: 3 }, { text: 'b', photographs: 1 }] },
    { layer: 1, meanProbability: 0.9, tokens: [{ text: 'c', photographs: 4 }] },
  ]; // prettier-ignore
  const words = { place: 'place', inPhotographs: () => '' };
  const { option, table } = leadingTokens({ leading, layers: [0, 1], photographs: 4 }, theme, text, 600, words); // prettier-ignore
  const [series] = option.series as { data: { value: number[] }[] }[];
  expect(series!.data.map(({ value }) => value)).toEqual([
    [0, 0, 0.75],
    [0, 1, 0.25],
    [1, 0, 1],
  ]);
  expect(table.rows).toHaveLength(3);
});
