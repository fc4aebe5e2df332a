import type { LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
import type { ChartTheme } from '../chart-theme.ts';
import { baseOption, escapeHtml, figureSides, layerAxis, tooltipStyle, valueAxisStyle } from '../figure.ts';
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
    { name: text.entropy, data: entropy, color: theme.series[2]!, type: 'solid' as const },
    { name: text.divergence, data: divergence, color: theme.series[1]!, type: 'dashed' as const },
  ];
  return {
    option: {
      ...baseOption(theme),
      legend: {
        right: figureSides.right,
        top: 0,
        itemWidth: 22,
        itemHeight: 8,
        textStyle: { color: theme.textSoft, fontSize: 11 },
      },
      tooltip: {
        ...tooltipStyle(theme),
        trigger: 'axis',
        axisPointer: { type: 'line', lineStyle: { color: theme.line, type: 'dashed' } },
        formatter: (params) => {
          const first = (params as unknown as { dataIndex: number }[])[0];
          if (first === undefined) return '';
          const layer = first.dataIndex;
          const values = lines.map(
            ({ name, data, color }) =>
              `<span style="color:${color}">●</span> ${escapeHtml(name)} <strong>${text.formatNumber(data[layer]!)}</strong> ${escapeHtml(text.nats)}`,
          );
          return [`${escapeHtml(text.layer)} ${trace.layers[layer]!}`, ...values].join('<br>');
        },
      },
      grid: { ...figureSides, top: 24, bottom: 38 },
      xAxis: layerAxis(theme, trace.layers, text.layer),
      yAxis: {
        type: 'value',
        min: 0,
        splitNumber: 3,
        ...valueAxisStyle(theme, text.nats),
        axisLabel: {
          color: theme.axis,
          fontSize: 11,
          formatter: (value: number) => text.formatNumber(value),
        },
      },
      series: lines.map(({ name, data, color, type }) => ({
        type: 'line',
        name,
        data,
        color,
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
