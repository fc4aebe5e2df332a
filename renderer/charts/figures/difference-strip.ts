import type { PairComparison } from '../../../electron/contract/traces/compare.ts';
import type { ChartTheme } from '../chart-theme.ts';
import {
  cssColor,
  divergingColors,
  sampleColor,
} from '../../../electron/engine/lens-trace/overlay/color-scales.ts';
import { baseOption, escapeHtml, figureSides, layerAxis, tooltipStyle } from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';

/** Room for the concepts' names. */
const left = 150;

/** How far each concept's log-probability moved from the first trace to another, concepts × layers. */
export function differenceStrip(
  pair: PairComparison,
  conceptIds: readonly string[],
  theme: ChartTheme,
  text: FigureText,
  language: 'en' | 'ru',
): Figure {
  const concepts = pair.concepts.filter(({ id }) => conceptIds.includes(id));
  const colors = divergingColors();
  const layers = pair.layers.map(([layer]) => layer);
  const widest = Math.max(
    1e-6,
    ...concepts.flatMap(({ logProbDifference }) => logProbDifference.map(Math.abs)),
  );
  return {
    option: {
      ...baseOption(theme),
      tooltip: {
        ...tooltipStyle(theme),
        trigger: 'item',
        formatter: (params) => {
          const [row, index] = (params as unknown as { data: { value: [number, number] } }).data.value;
          const concept = concepts[index]!;
          const [layerA, layerB] = pair.layers[row]!;
          return [
            `<strong>${escapeHtml(concept.label[language])}</strong>`,
            `${escapeHtml(text.layer)} ${layerA}${layerA === layerB ? '' : ` / ${layerB}`}`,
            `${escapeHtml(text.difference)} ${text.formatNumber(concept.logProbDifference[row]!)} ${escapeHtml(text.nats)}`,
            `${escapeHtml(text.rank)} ${concept.rankDifference[row]! > 0 ? '+' : ''}${text.formatNumber(concept.rankDifference[row]!)}`,
          ].join('<br>');
        },
      },
      grid: { ...figureSides, left, top: 6, bottom: 38 },
      xAxis: layerAxis(theme, layers, text.layer),
      yAxis: {
        type: 'category',
        inverse: true,
        data: concepts.map(({ label }) => label[language]),
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { color: theme.axis, fontSize: 11, width: left - 12, overflow: 'truncate' },
      },
      visualMap: { show: false, min: -widest, max: widest, dimension: 2, inRange: { color: [...colors] } },
      series: [
        {
          type: 'heatmap',
          // All at once: a chart that is taken away between two pieces of a picture leaves the second without a place.
          progressive: 0,
          data: concepts.flatMap(({ logProbDifference }, index) =>
            logProbDifference.map((value, row) => ({
              value: [row, index, value],
              itemStyle: { color: cssColor(sampleColor(colors, (value / widest + 1) / 2)) },
            })),
          ),
          itemStyle: { borderColor: theme.background, borderWidth: 1, borderRadius: 2 },
        },
      ],
    },
    left,
    table: {
      columns: ['concept', 'layer_a', 'layer_b', 'log_prob_difference_nats', 'rank_difference'],
      rows: concepts.flatMap(({ id, logProbDifference, rankDifference }) =>
        pair.layers.map(([layerA, layerB], row) => [
          id,
          layerA,
          layerB,
          logProbDifference[row]!,
          rankDifference[row]!,
        ]),
      ),
    },
  };
}
