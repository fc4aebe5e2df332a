import type { GroupStatistics } from '../../../electron/contract/images/groups.ts';
import { bandSeries } from './band.ts';
import { seriesColor } from '../chart-theme.ts';
import type { ChartTheme } from '../chart-theme.ts';
import {
  baseOption,
  escapeHtml,
  figureSides,
  layerAxis,
  layerTooltip,
  legendStyle,
  numberLabels,
  tooltipLine,
  valueAxisStyle,
} from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';

/** As much of a group's statistics as its curves show. */
export type GroupMeans = Pick<GroupStatistics, 'group' | 'control' | 'difference'>;

export interface GroupNames {
  readonly group: string;
  readonly control: string;
}

/** Layers whose difference from the controls stays after the correction for many layers. */
export const significance = 0.05;

export function significantLayers({ difference }: GroupMeans): number[] {
  return (difference?.correctedPValue ?? []).flatMap((p, layer) => (p < significance ? [layer] : []));
}

function frame(theme: ChartTheme, text: FigureText, layers: readonly number[], name: string) {
  return {
    ...baseOption(theme),
    grid: { ...figureSides, top: 28, bottom: 38 },
    xAxis: layerAxis(theme, layers, text.layer),
    yAxis: {
      type: 'value' as const,
      scale: true,
      splitNumber: 4,
      ...valueAxisStyle(theme, name),
      axisLabel: numberLabels(theme, text),
    },
  };
}

function bounds(text: FigureText, lower: number, upper: number): string {
  return ` [${text.formatNumber(lower)}; ${text.formatNumber(upper)}] ${text.nats}`;
}

/** Mean log-probability of a concept over the patients of a group, and over its controls, each with its interval. */
export function groupCurves(
  statistics: GroupMeans,
  names: GroupNames,
  theme: ChartTheme,
  text: FigureText,
): Figure {
  const curves = [
    { name: names.group, curve: statistics.group },
    ...(statistics.control === null ? [] : [{ name: names.control, curve: statistics.control }]),
  ];
  const layers = statistics.group.mean.map((_, layer) => layer);
  return {
    option: {
      ...frame(theme, text, layers, text.logProbability),
      legend: { ...legendStyle(theme), data: curves.map(({ name }) => name) },
      tooltip: layerTooltip(theme, text, layers, (row) =>
        curves.map(({ name, curve: { mean, lower, upper } }, order) =>
          tooltipLine(order, name, text.formatNumber(mean[row]!), bounds(text, lower[row]!, upper[row]!)),
        ),
      ),
      series: curves.flatMap(({ name, curve }, order) => [
        ...bandSeries(`band-${order}`, seriesColor(theme, order), curve.lower, curve.upper, 0.2),
        {
          type: 'line' as const,
          name,
          data: [...curve.mean],
          color: seriesColor(theme, order),
          lineStyle: { width: 2, type: order === 0 ? ('solid' as const) : ('dashed' as const) },
          symbol: 'circle',
          symbolSize: 4,
        },
      ]),
    },
    table: {
      columns: ['group', 'patients', 'images', 'layer', 'mean_log_probability_nats', 'lower_95', 'upper_95'],
      rows: curves.flatMap(({ name, curve }) =>
        layers.map((layer) => [
          name,
          curve.patientCount,
          curve.traceCount,
          layer,
          curve.mean[layer]!,
          curve.lower[layer]!,
          curve.upper[layer]!,
        ]),
      ),
    },
  };
}

/** Group minus controls; layers that stay significant are marked. */
export function groupDifference(
  statistics: GroupMeans,
  theme: ChartTheme,
  text: FigureText,
  words: { readonly title: string; readonly corrected: string },
): Figure {
  const { mean, lower, upper, pValue, correctedPValue } = statistics.difference!;
  const layers = mean.map((_, layer) => layer);
  const color = seriesColor(theme, 2);
  const marked = new Set(significantLayers(statistics));
  return {
    option: {
      ...frame(theme, text, layers, `${words.title}, ${text.nats}`),
      tooltip: layerTooltip(theme, text, layers, (row) => [
        tooltipLine(2, words.title, text.formatNumber(mean[row]!), bounds(text, lower[row]!, upper[row]!)),
        `p = ${text.formatNumber(pValue[row]!)}`,
        `${escapeHtml(words.corrected)} = ${text.formatNumber(correctedPValue[row]!)}`,
      ]),
      series: [
        ...bandSeries('band', color, lower, upper, 0.2),
        {
          type: 'line',
          name: words.title,
          data: mean.map((value, layer) => ({
            value,
            symbol: marked.has(layer) ? 'diamond' : 'circle',
            symbolSize: marked.has(layer) ? 12 : 4,
          })),
          color,
          lineStyle: { width: 2 },
          markLine: {
            silent: true,
            symbol: 'none',
            label: { show: false },
            lineStyle: { color: theme.axis, type: 'dashed' },
            data: [{ yAxis: 0 }],
          },
        },
      ],
    },
    table: {
      columns: ['layer', 'difference_nats', 'lower_95', 'upper_95', 'p', 'p_max_t'],
      rows: layers.map((layer) => [
        layer,
        mean[layer]!,
        lower[layer]!,
        upper[layer]!,
        pValue[layer]!,
        correctedPValue[layer]!,
      ]),
    },
  };
}
