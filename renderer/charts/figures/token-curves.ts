import type { LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
import { seriesColor, seriesLine } from '../chart-theme.ts';
import type { ChartTheme } from '../chart-theme.ts';
import { baseOption, escapeHtml, figureSides, layerAxis, tooltipStyle, valueAxisStyle } from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';
import { showToken, toppingTokens } from '../../reading/reading.ts';

/** Tokens that top any layer, each followed by its own id through all layers; gaps where it is not kept. */
export function tokenCurves(
  trace: LensTrace,
  theme: ChartTheme,
  text: FigureText,
  { positionIndex, limit }: { readonly positionIndex: number; readonly limit: number },
): Figure {
  const tokens = toppingTokens(trace, positionIndex);
  const shown = [...tokens]
    .sort(
      (a, b) => Math.max(...b.probability.map((p) => p ?? 0)) - Math.max(...a.probability.map((p) => p ?? 0)),
    )
    .slice(0, limit);
  return {
    option: {
      ...baseOption(theme),
      legend: {
        type: 'scroll',
        left: figureSides.left,
        right: figureSides.right,
        top: 0,
        itemWidth: 18,
        itemHeight: 8,
        textStyle: { color: theme.textSoft, fontSize: 11 },
        pageTextStyle: { color: theme.textSoft },
        pageIconColor: theme.axis,
      },
      tooltip: {
        ...tooltipStyle(theme),
        trigger: 'axis',
        formatter: (params) => {
          const first = (params as unknown as { dataIndex: number }[])[0];
          if (first === undefined) return '';
          const layer = first.dataIndex;
          const lines = shown.flatMap((token, order) => {
            const probability = token.probability[layer];
            return probability === null || probability === undefined
              ? []
              : [
                  `<span style="color:${seriesColor(theme, order)}">●</span> ${escapeHtml(showToken(token.text))} <strong>${text.formatProbability(probability)}</strong>`,
                ];
          });
          return [`${escapeHtml(text.layer)} ${trace.layers[layer]!}`, ...lines].join('<br>');
        },
      },
      grid: { ...figureSides, top: 30, bottom: 38 },
      xAxis: layerAxis(theme, trace.layers, text.layer),
      yAxis: {
        type: 'value',
        min: 0,
        ...valueAxisStyle(theme, text.probability),
        axisLabel: {
          color: theme.axis,
          fontSize: 11,
          formatter: (value: number) => text.formatNumber(value),
        },
      },
      series: shown.map((token, order) => ({
        type: 'line',
        name: showToken(token.text),
        data: token.probability,
        connectNulls: false,
        color: seriesColor(theme, order),
        lineStyle: { width: 2, type: seriesLine(order) },
        symbol: 'circle',
        symbolSize: 4,
      })),
    },
    table: {
      columns: ['layer', 'token_id', 'token', 'probability', 'rank'],
      rows: tokens.flatMap((token) =>
        trace.layers.map((layer, row) => [
          layer,
          token.tokenId,
          token.text,
          token.probability[row]!,
          token.rank[row]!,
        ]),
      ),
    },
  };
}
