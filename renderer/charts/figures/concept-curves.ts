import type { LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
import { emergenceAt } from '../../../electron/engine/lens-trace/reading.ts';
import { superscript } from '../../locales/format.ts';
import { seriesColor, seriesLine } from '../chart-theme.ts';
import type { ChartTheme } from '../chart-theme.ts';
import {
  baseOption,
  escapeHtml,
  figureSides,
  layerAxis,
  layerTooltip,
  tooltipLine,
  valueAxisStyle,
} from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';
import { conceptCurve, countEarlyLayers } from '../../reading/reading.ts';
import type { CurveScale } from '../../reading/reading.ts';

/** Probabilities below this are drawn on the floor of a logarithmic axis. */
export const probabilityFloor = 1e-8;

export interface ConceptCurveOptions {
  readonly positionIndex: number;
  readonly scale: CurveScale;
  /** Logarithmic axis; log-probabilities are logarithmic already. */
  readonly logarithmic: boolean;
  /** Ids of the concepts to draw, in the order of their colours. */
  readonly conceptIds: readonly string[];
  readonly language: 'en' | 'ru';
}

/** Concepts through the layers, with the layer from which each is readable and the layers that are hard to read. */
export function conceptCurves(
  trace: LensTrace,
  theme: ChartTheme,
  text: FigureText,
  { positionIndex, scale, logarithmic, conceptIds, language }: ConceptCurveOptions,
): Figure {
  const shown = conceptIds.flatMap((id) => {
    const index = trace.concepts.findIndex((concept) => concept.id === id);
    return index < 0 ? [] : [{ concept: trace.concepts[index]!, index }];
  });
  const curves = shown.map(({ index }) => conceptCurve(trace, index, positionIndex, scale));
  const logAxis = scale !== 'log-probability' && (logarithmic || scale === 'rank');
  const drawn = (value: number) =>
    logAxis && scale === 'probability' ? Math.max(value, probabilityFloor) : value;
  const format = scale === 'probability' ? text.formatProbability : text.formatNumber;
  const hard = countEarlyLayers(trace, positionIndex);
  const smallest = Math.min(1, ...curves.flat());
  return {
    option: {
      ...baseOption(theme),
      tooltip: layerTooltip(theme, text, trace.layers, (row) =>
        shown.map(({ concept }, order) =>
          tooltipLine(order, concept.label[language], format(curves[order]![row]!)),
        ),
      ),
      grid: { ...figureSides, top: 14, bottom: 22 },
      xAxis: layerAxis(theme, trace.layers, '', false),
      yAxis: {
        ...valueAxisStyle(theme, axisName(scale, text)),
        ...(logAxis
          ? {
              type: 'log' as const,
              inverse: scale === 'rank',
              min:
                scale === 'rank'
                  ? 1
                  : Math.max(
                      probabilityFloor,
                      10 ** Math.floor(Math.log10(Math.max(smallest, probabilityFloor))),
                    ),
              ...(scale === 'rank' ? {} : { max: 1 }),
              minorSplitLine: { show: false },
            }
          : { type: 'value' as const, ...(scale === 'probability' ? { min: 0 } : { max: 0 }) }),
        axisLabel: {
          color: theme.axis,
          fontSize: 11,
          hideOverlap: true,
          formatter: (value: number) => shortNumber(value, text),
        },
      },
      series: [
        {
          type: 'line',
          name: '',
          data: [],
          silent: true,
          ...(hard === 0
            ? {}
            : {
                markArea: {
                  silent: true,
                  itemStyle: { color: theme.shade, opacity: 0.9 },
                  data: [[{ xAxis: 0 }, { xAxis: hard - 1 }]],
                },
              }),
        },
        ...shown.map(({ concept }, order) => {
          const emergence = concept.emergence.layers[positionIndex] ?? null;
          const column = emergence === null ? -1 : trace.layers.indexOf(emergence);
          return {
            type: 'line' as const,
            name: concept.label[language],
            data: curves[order]!.map(drawn),
            color: seriesColor(theme, order),
            lineStyle: { width: 2, type: seriesLine(order) },
            symbol: 'circle',
            symbolSize: 4,
            showSymbol: trace.layers.length < 40,
            z: 3,
            ...(column < 0
              ? {}
              : {
                  markPoint: {
                    symbol: 'diamond',
                    symbolSize: 13,
                    itemStyle: {
                      color: seriesColor(theme, order),
                      borderColor: theme.background,
                      borderWidth: 2,
                    },
                    label: { show: false },
                    tooltip: { formatter: `${escapeHtml(text.emergence)} ${emergence ?? ''}` },
                    data: [{ name: '', coord: [column, drawn(curves[order]![column]!)] }],
                  },
                }),
          };
        }),
      ],
    },
    table: {
      columns: ['layer', 'concept', 'probability', 'log_probability_nats', 'rank', 'emergence_layer'],
      rows: shown.flatMap(({ concept, index }) =>
        trace.layers.map((layer, row) => {
          const cell = row * trace.positions.length + positionIndex;
          return [
            layer,
            concept.id,
            Math.exp(trace.concepts[index]!.logProb[cell]!),
            concept.logProb[cell]!,
            concept.rank[cell]!,
            emergenceAt(trace, concept, positionIndex),
          ];
        }),
      ),
    },
  };
}

export function axisName(scale: CurveScale, text: FigureText): string {
  if (scale === 'rank') return text.rank;
  return scale === 'probability' ? text.probability : text.logProbability;
}

/** Labels of an axis: powers of ten as such, others in the locale's form. */
export function shortNumber(value: number, text: FigureText): string {
  const size = Math.abs(value);
  if (value !== 0 && (size < 0.001 || size >= 100_000)) {
    const exponent = Math.floor(Math.log10(size));
    const head = value / 10 ** exponent;
    const power = `10${superscript(exponent)}`;
    return Math.abs(head - 1) < 1e-6 ? power : `${text.formatNumber(head)}·${power}`;
  }
  return text.formatNumber(value);
}
