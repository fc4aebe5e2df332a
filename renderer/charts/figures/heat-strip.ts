import type { LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
import type { ChartTheme } from '../chart-theme.ts';
import {
  cssColor,
  inkOn,
  sampleColor,
  scaleColors,
} from '../../../electron/engine/lens-trace/overlay/color-scales.ts';
import type { ScaleName } from '../../../electron/engine/lens-trace/overlay/color-scales.ts';
import { baseOption, escapeHtml, figureSides, layerAxis, tooltipStyle } from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';
import { showToken, topCells } from '../../reading/reading.ts';

export interface HeatStripOptions {
  readonly positionIndex: number;
  /** Rows shown, 1…topK. */
  readonly ranks: number;
  readonly scale: ScaleName;
  /** Width of the figure in pixels; narrow columns turn their texts. */
  readonly width: number;
}

/** Top tokens, layers × rank, coloured by probability; the token's text stands in its cell. */
export function heatStrip(
  trace: LensTrace,
  theme: ChartTheme,
  text: FigureText,
  { positionIndex, ranks, scale, width }: HeatStripOptions,
): Figure {
  const shown = Math.min(ranks, trace.topK);
  const colors = scaleColors(scale);
  const columnWidth = (width - figureSides.left - figureSides.right) / trace.layers.length;
  const turned = columnWidth < 46;
  const byLayer = trace.layers.map((_, layer) => topCells(trace, layer, positionIndex).slice(0, shown));
  const stride = trace.positions.length;
  const data = byLayer.flatMap((cells, layer) =>
    cells.map((cell) => {
      const color = sampleColor(colors, cell.probability);
      return {
        value: [layer, cell.rank - 1, cell.probability],
        itemStyle: { color: cssColor(color) },
        label: { color: inkOn(color) },
      };
    }),
  );
  const describe = (layer: number, rankIndex: number) => {
    const cell = byLayer[layer]![rankIndex]!;
    const entropy = trace.cells.entropy[layer * stride + positionIndex]!;
    return [
      `<strong>${escapeHtml(showToken(cell.text))}</strong>`,
      `${escapeHtml(text.layer)} ${trace.layers[layer]!}`,
      `${escapeHtml(text.probability)} ${text.formatProbability(cell.probability)}`,
      `${escapeHtml(text.rank)} ${cell.rank}`,
      `${escapeHtml(text.entropy)} ${text.formatNumber(entropy)} ${escapeHtml(text.nats)}`,
    ].join('<br>');
  };
  return {
    option: {
      ...baseOption(theme),
      tooltip: {
        ...tooltipStyle(theme),
        trigger: 'item',
        formatter: (params) => {
          const value = (params as unknown as { data: { value: [number, number] } }).data.value;
          return describe(value[0], value[1]);
        },
      },
      grid: { ...figureSides, top: 6, bottom: 22 },
      xAxis: { ...layerAxis(theme, trace.layers, '', false), splitArea: { show: false } },
      yAxis: {
        type: 'category',
        inverse: true,
        data: Array.from({ length: shown }, (_, index) => String(index + 1)),
        name: text.rank,
        nameLocation: 'middle',
        nameGap: 44,
        nameTextStyle: { color: theme.axis, fontSize: 11 },
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { color: theme.axis, fontSize: 11 },
      },
      visualMap: { show: false, min: 0, max: 1, dimension: 2, inRange: { color: [...colors] } },
      series: [
        {
          type: 'heatmap',
          // All at once: a chart that is taken away between two pieces of a picture leaves the second without a place.
          progressive: 0,
          data,
          itemStyle: { borderColor: theme.background, borderWidth: 1, borderRadius: 2 },
          label: {
            show: columnWidth >= 13,
            rotate: turned ? 90 : 0,
            width: turned ? 46 : columnWidth - 6,
            overflow: 'truncate',
            ellipsis: '…',
            fontSize: turned ? 10 : 11,
            formatter: (params) => {
              const [layer, rankIndex] = (params.data as { value: [number, number, number] }).value;
              return showToken(byLayer[layer]![rankIndex]!.text);
            },
          },
        },
      ],
    },
    table: {
      columns: ['layer', 'rank', 'token_id', 'token', 'probability', 'entropy_nats'],
      rows: byLayer.flatMap((cells, layer) =>
        cells.map((cell) => [
          trace.layers[layer]!,
          cell.rank,
          cell.tokenId,
          cell.text,
          cell.probability,
          trace.cells.entropy[layer * stride + positionIndex]!,
        ]),
      ),
    },
  };
}
