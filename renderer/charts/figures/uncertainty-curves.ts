import type { LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
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
import { layerCurve } from '../../reading/reading.ts';

/** How undecided each layer is, and how far it is from what the model says in the end; both in nats. */
export function uncertaintyCurves(
  trace: LensTrace,
  theme: ChartTheme,
  text: FigureText,
  { positionIndex }: { readonly positionIndex: number },
): Figure {
  const entropy = layerCurve(trace, trace.cells.entropy, positionIndex);
  const divergence = layerCurve(trace, trace.cells.klToFinal, positionIndex);
  const lines = [
    { name: text.entropy, data: entropy, order: 2, type: 'solid' as const },
    { name: text.divergence, data: divergence, order: 1, type: 'dashed' as const },
  ];
  return {
    option: {
      ...baseOption(theme),
      legend: legendStyle(theme),
      tooltip: layerTooltip(theme, text, trace.layers, (row) =>
        lines.map(({ name, data, order }) =>
          tooltipLine(order, name, text.formatNumber(data[row]!), ` ${text.nats}`),
        ),
      ),
      grid: { ...figureSides, top: 24, bottom: 38 },
      xAxis: layerAxis(theme, trace.layers, text.layer),
      yAxis: {
        type: 'value',
        min: 0,
        splitNumber: 3,
        ...valueAxisStyle(theme, text.nats),
        axisLabel: numberLabels(theme, text),
      },
      series: lines.map(({ name, data, order, type }) => ({
        type: 'line',
        name,
        data,
        color: seriesColor(theme, order),

        lineStyle: { width: 2, type },
        symbol: 'none',
      })),
    },
    table: {
      columns: ['layer', 'entropy_nats', 'kl_to_last_layer_nats', 'residual_norm'],
      rows: trace.layers.map((layer, row) => [
        layer,
        entropy[row]!,
        divergence[row]!,
        trace.cells.residualNorm[row * trace.positions.length + positionIndex]!,
      ]),
    },
  };
}
