import type { SaidRow } from '../../../electron/contract/protocols/said.ts';
import type { ChartTheme } from '../chart-theme.ts';
import type { Figure, FigureText } from '../figure.ts';
import { scoreCurves, type ScoreCurve } from './decoder-curves.ts';

export interface SaidCurveWords {
  /** AUROC. */
  readonly measure: string;
  readonly probe: string;
  readonly shuffled: string;
  readonly pixels: string;
  readonly constant: string;
  readonly answer: (language: SaidRow['answers'][number]['language']) => string;
}

type Curves = Pick<SaidRow, 'probe' | 'pixels' | 'answers'>;

/**
 * How well a finding is read inside the model by layer, beside how well the model's own answer tells it by layer: AUROC
 * with 95 % intervals; beside them shuffled labels, pixels alone, and an answer that is always the same.
 */
export function saidCurves(row: Curves, theme: ChartTheme, text: FigureText, words: SaidCurveWords): Figure {
  const layers = saidLayers(row);
  return scoreCurves(curvesOf(row, layers, words), layers, words.measure, theme, text);
}

/** Layers at which anything was measured, ascending; 0 is the output of the vision tower. */
export function saidLayers({ probe, answers }: Curves): number[] {
  const all = [...probe, ...answers.flatMap(({ points }) => points)].map(({ layer }) => layer);
  return [...new Set(all)].sort((a, b) => a - b);
}

function curvesOf(
  { probe, pixels, answers }: Curves,
  layers: readonly number[],
  words: SaidCurveWords,
): ScoreCurve[] {
  const byLayer = (
    name: string,
    points: readonly { layer: number; score: NonNullable<typeof pixels> }[],
  ) => ({
    name,
    isBaseline: false,
    points: layers.map((layer) => points.find((point) => point.layer === layer)?.score ?? null),
  });
  const level = (name: string, estimate: NonNullable<typeof pixels>) => ({
    name,
    isBaseline: true,
    points: layers.map(() => estimate),
  });
  return [
    ...(probe.length === 0 ? [] : [byLayer(words.probe, probe)]),
    ...answers
      .filter(({ points }) => points.length > 0)
      .map(({ language, points }) => byLayer(words.answer(language), points)),
    ...(probe.length === 0
      ? []
      : [
          byLayer(
            words.shuffled,
            probe.map(({ layer, shuffled }) => ({ layer, score: shuffled })),
          ),
        ]),
    ...(pixels === null ? [] : [level(words.pixels, pixels)]),
    level(words.constant, { value: 0.5, low: null, high: null }),
  ];
}
