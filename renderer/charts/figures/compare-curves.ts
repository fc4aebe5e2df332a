import type { LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
import { seriesColor } from '../chart-theme.ts';
import type { ChartTheme } from '../chart-theme.ts';
import { axisName, probabilityFloor, shortNumber } from './concept-curves.ts';
import { baseOption, escapeHtml, figureSides, layerAxis, tooltipStyle, valueAxisStyle } from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';
import { conceptCurve } from '../../reading/reading.ts';
import type { CurveScale } from '../../reading/reading.ts';

export interface ComparedTrace {
  readonly trace: LensTrace;
  readonly name: string;
  readonly positionIndex: number;
}

/** The nearest layer of a trace with `numLayers` entries for a place on an axis of `onAxis` entries. */
export function alignedLayer(axisIndex: number, onAxis: number, numLayers: number): number {
  return onAxis === numLayers
    ? axisIndex
    : Math.round((axisIndex / Math.max(1, onAxis - 1)) * (numLayers - 1));
}

/** One concept in several traces over each other; the first trace gives the layer axis. */
export function compareCurves(
  traces: readonly ComparedTrace[],
  conceptId: string,
  theme: ChartTheme,
  text: FigureText,
  { scale, logarithmic }: { readonly scale: CurveScale; readonly logarithmic: boolean },
): Figure {
  const layers = traces[0]?.trace.layers ?? [];
  const logAxis = scale !== 'log-probability' && (logarithmic || scale === 'rank');
  const curves = traces.flatMap(({ trace, name, positionIndex }, order) => {
    const index = trace.concepts.findIndex((concept) => concept.id === conceptId);
    if (index < 0) return [];
    const values = conceptCurve(trace, index, positionIndex, scale);
    const aligned = layers.map(
      (_, layer) => values[alignedLayer(layer, layers.length, trace.layers.length)]!,
    );
    return [
      { name, order, aligned, emergence: trace.concepts[index]!.emergence.layers[positionIndex] ?? null },
    ];
  });
  const format = scale === 'probability' ? text.formatProbability : text.formatNumber;
  const smallest = Math.max(probabilityFloor, Math.min(1, ...curves.flatMap(({ aligned }) => aligned)));
  return {
    option: {
      ...baseOption(theme),
      legend: {
        right: figureSides.right,
        top: 0,
        itemWidth: 18,
        itemHeight: 8,
        textStyle: { color: theme.textSoft, fontSize: 11 },
      },
      tooltip: {
        ...tooltipStyle(theme),
        trigger: 'axis',
        formatter: (params) => {
          const layer = (params as unknown as { dataIndex: number }[])[0]?.dataIndex;
          if (layer === undefined) return '';
          const lines = curves.map(
            ({ name, order, aligned }) =>
              `<span style="color:${seriesColor(theme, order)}">●</span> ${escapeHtml(name)} <strong>${format(aligned[layer]!)}</strong>`,
          );
          return [`${escapeHtml(text.layer)} ${layers[layer]!}`, ...lines].join('<br>');
        },
      },
      grid: { ...figureSides, top: 28, bottom: 22 },
      xAxis: layerAxis(theme, layers, '', false),
      yAxis: {
        ...valueAxisStyle(theme, axisName(scale, text)),
        ...(logAxis
          ? {
              type: 'log' as const,
              inverse: scale === 'rank',
              min: scale === 'rank' ? 1 : 10 ** Math.floor(Math.log10(smallest)),
              ...(scale === 'rank' ? {} : { max: 1 }),
            }
          : { type: 'value' as const, ...(scale === 'probability' ? { min: 0 } : { max: 0 }) }),
        axisLabel: {
          color: theme.axis,
          fontSize: 11,
          hideOverlap: true,
          formatter: (value: number) => shortNumber(value, text),
        },
      },
      series: curves.map(({ name, order, aligned, emergence }) => {
        const column = emergence === null ? -1 : layers.indexOf(emergence);
        const drawn = aligned.map((value) =>
          logAxis && scale === 'probability' ? Math.max(value, probabilityFloor) : value,
        );
        return {
          type: 'line' as const,
          name,
          data: drawn,
          color: seriesColor(theme, order),
          lineStyle: { width: 2, type: (['solid', 'dashed', 'dotted'] as const)[order % 3]! },
          symbol: 'circle',
          symbolSize: 4,
          ...(column < 0
            ? {}
            : {
                markPoint: {
                  symbol: 'diamond',
                  symbolSize: 13,
                  silent: true,
                  itemStyle: {
                    color: seriesColor(theme, order),
                    borderColor: theme.background,
                    borderWidth: 2,
                  },
                  label: { show: false },
                  data: [{ name: '', coord: [column, drawn[column]!] }],
                },
              }),
        };
      }),
    },
    table: {
      columns: ['trace', 'layer', 'concept', scale.replace('-', '_'), 'emergence_layer'],
      rows: curves.flatMap(({ name, aligned, emergence }) =>
        layers.map((layer, row) => [name, layer, conceptId, aligned[row]!, emergence ?? 'never']),
      ),
    },
  };
}
