import type { EChartsOption } from 'echarts';
import type { DecoderReport } from '../../../electron/contract/protocols/decoder-report.ts';
import { seriesColor } from '../chart-theme.ts';
import type { ChartTheme } from '../chart-theme.ts';
import {
  baseOption,
  figureSides,
  layerAxis,
  layerTooltip,
  legendStyle,
  numberLabels,
  tooltipLine,
  valueAxisStyle,
} from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';

type FittedField = Extract<DecoderReport['fields'][number], { status: 'fitted' }>;
type Estimate = FittedField['chosen']['score'];

export interface DecoderCurveWords {
  /** AUROC, R². */
  readonly measure: string;
  readonly shuffled: string;
  readonly setName: (set: string) => string;
}

export interface ScoreCurve {
  readonly name: string;
  readonly isBaseline: boolean;
  /** One estimate a layer; null where there is none. */
  readonly points: readonly (Estimate | null)[];
}

/**
 * How well a field is read by layer, with 95 % intervals; beside it the same with shuffled labels, and what is read
 * without any layer (pixels, metadata) as level lines.
 */
export function decoderCurves(
  field: Pick<FittedField, 'curves' | 'measure'>,
  theme: ChartTheme,
  text: FigureText,
  words: DecoderCurveWords,
): Figure {
  const layers = layersOf(field);
  return scoreCurves(curvesOf(field, layers, words), layers, words.measure, theme, text);
}

/** Estimates by layer, each with its interval; curves without layers are level lines. */
export function scoreCurves(
  curves: readonly ScoreCurve[],
  layers: readonly number[],
  measure: string,
  theme: ChartTheme,
  text: FigureText,
): Figure {
  const bounds = ({ low, high }: Estimate) =>
    low === null || high === null ? '' : ` [${text.formatNumber(low)}; ${text.formatNumber(high)}]`;
  return {
    option: {
      ...baseOption(theme),
      grid: { ...figureSides, top: 28, bottom: 38 },
      xAxis: layerAxis(theme, layers, text.layer),
      yAxis: {
        type: 'value',
        scale: true,
        splitNumber: 5,
        ...valueAxisStyle(theme, measure),
        axisLabel: numberLabels(theme, text),
      },
      legend: { ...legendStyle(theme), data: curves.map(({ name }) => name) },
      tooltip: layerTooltip(theme, text, layers, (row) =>
        curves.flatMap(({ name, points }, order) => {
          const point = points[row];
          return point?.value == null
            ? []
            : [tooltipLine(order, name, text.formatNumber(point.value), bounds(point))];
        }),
      ),
      series: curves.flatMap((curve, order) => seriesOf(curve, order, theme)),
    },
    table: {
      columns: ['curve', 'layer', measure, 'lower_95', 'upper_95'],
      rows: curves.flatMap(({ name, points }) =>
        layers.flatMap((layer, row) => {
          const point = points[row];
          return point == null ? [] : [[name, layer, point.value, point.low, point.high]];
        }),
      ),
    },
  };
}

/** Layers that any feature set was read from, ascending. */
export function layersOf({ curves }: Pick<FittedField, 'curves'>): number[] {
  const layers = curves
    .filter(({ role }) => role === 'layers')
    .flatMap(({ points }) => points.map((p) => p.layer));
  return [...new Set(layers)].sort((a, b) => a - b);
}

function curvesOf(
  { curves }: Pick<FittedField, 'curves'>,
  layers: readonly number[],
  words: DecoderCurveWords,
): ScoreCurve[] {
  const read = curves.filter(({ role }) => role === 'layers');
  const byLayer = read.map(({ set, points }) => ({
    name: words.setName(set),
    isBaseline: false,
    points: layers.map((layer) => points.find((point) => point.layer === layer)?.score ?? null),
  }));
  const [first] = read;
  const shuffled =
    first === undefined
      ? []
      : [
          {
            name: words.shuffled,
            isBaseline: false,
            points: layers.map(
              (layer) => first.points.find((point) => point.layer === layer)?.shuffled ?? null,
            ),
          },
        ];
  const level = curves
    .filter(({ role, points }) => role === 'baseline' && points[0]?.score.value != null)
    .map(({ set, points }) => ({
      name: words.setName(set),
      isBaseline: true,
      points: layers.map(() => points[0]!.score),
    }));
  return [...byLayer, ...shuffled, ...level];
}

function seriesOf(
  { name, isBaseline, points }: ScoreCurve,
  order: number,
  theme: ChartTheme,
): EChartsOption['series'] & object[] {
  const color = seriesColor(theme, order);
  const line = {
    type: 'line' as const,
    name,
    data: points.map((point) => point?.value ?? null),
    color,
    lineStyle: { width: isBaseline ? 1.5 : 2, type: isBaseline ? ('dashed' as const) : ('solid' as const) },
    symbol: isBaseline ? 'none' : 'circle',
    symbolSize: 4,
  };
  if (isBaseline) return [line];
  return [...intervalOf(points, `interval-${order}`, color), line];
}

/** A band between the bounds; it has a gap where they are unknown. */
function intervalOf(points: readonly (Estimate | null)[], stack: string, color: string) {
  const side = {
    type: 'line' as const,
    name: '',
    stack,
    stackStrategy: 'all' as const,
    silent: true,
    symbol: 'none',
    lineStyle: { opacity: 0 },
  };
  return [
    { ...side, data: points.map((point) => point?.low ?? null) },
    {
      ...side,
      data: points.map((point) =>
        point?.low == null || point.high === null ? null : point.high - point.low,
      ),
      areaStyle: { color, opacity: 0.15 },
    },
  ];
}
