import type { PairComparison } from '../../../electron/contract/traces/compare.ts';
import { bandSeries } from './band.ts';
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

/** How far the whole distributions lie apart, layer by layer, between the bounds that the kept tokens allow. */
export function divergenceCurves(
  pairs: readonly { readonly pair: PairComparison; readonly name: string }[],
  theme: ChartTheme,
  text: FigureText,
  title: string,
): Figure {
  const shown = pairs.filter(({ pair }) => pair.comparable);
  const layers = shown[0]?.pair.layers.map(([layer]) => layer) ?? [];
  return {
    option: {
      ...baseOption(theme),
      legend: { ...legendStyle(theme), data: shown.map(({ name }) => name) },
      tooltip: layerTooltip(theme, text, layers, (row) =>
        shown.map(({ pair, name }, order) => {
          const { value, lower, upper } = pair.jensenShannon;
          const bounds = pair.exact
            ? ''
            : ` [${text.formatNumber(lower[row]!)}–${text.formatNumber(upper[row]!)}]`;
          return tooltipLine(order + 1, name, text.formatNumber(value[row]!), `${bounds} ${text.nats}`);
        }),
      ),
      grid: { ...figureSides, top: 28, bottom: 38 },
      xAxis: layerAxis(theme, layers, text.layer),
      yAxis: {
        type: 'value',
        min: 0,
        max: Number(Math.LN2.toFixed(4)),
        splitNumber: 3,
        ...valueAxisStyle(theme, `${title}, ${text.nats}`),
        axisLabel: numberLabels(theme, text),
      },
      series: shown.flatMap(({ pair, name }, order) => {
        const color = seriesColor(theme, order + 1);
        const { value, lower, upper } = pair.jensenShannon;
        return [
          ...bandSeries(`band-${order}`, color, lower, upper, pair.exact ? 0 : 0.16),
          {
            type: 'line' as const,
            name,
            data: value,
            color,
            lineStyle: { width: 2 },
            symbol: 'circle',
            symbolSize: 4,
          },
        ];
      }),
    },
    table: {
      columns: [
        'pair',
        'layer',
        'jensen_shannon_nats',
        'js_lower',
        'js_upper',
        'total_variation',
        'tv_lower',
        'tv_upper',
      ],
      rows: shown.flatMap(({ pair, name }) =>
        layers.map((layer, row) => [
          name,
          layer,
          pair.jensenShannon.value[row]!,
          pair.jensenShannon.lower[row]!,
          pair.jensenShannon.upper[row]!,
          pair.totalVariation.value[row]!,
          pair.totalVariation.lower[row]!,
          pair.totalVariation.upper[row]!,
        ]),
      ),
    },
  };
}
