import type { EmergenceOfGroup } from '../../../electron/contract/images/groups.ts';
import { seriesColor } from '../chart-theme.ts';
import type { ChartTheme } from '../chart-theme.ts';
import {
  baseOption,
  figureSides,
  layerAxis,
  layerTooltip,
  legendStyle,
  tooltipLine,
  valueAxisStyle,
} from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';

export interface NamedEmergence {
  readonly name: string;
  readonly emergence: EmergenceOfGroup;
}

/**
 * In which share of a group a concept is readable by each layer. The curve ends at the share in which it ever is: what is
 * missing to 100 % is "never".
 */
export function groupEmergence(
  groups: readonly NamedEmergence[],
  theme: ChartTheme,
  text: FigureText,
  words: { readonly share: string; readonly never: string },
): Figure {
  const layers = groups[0]!.emergence.cumulative.map((_, layer) => layer);
  return {
    option: {
      ...baseOption(theme),
      grid: { ...figureSides, top: 28, bottom: 38 },
      legend: { ...legendStyle(theme), data: groups.map(({ name }) => name) },
      tooltip: layerTooltip(theme, text, layers, (row) =>
        groups.map(({ name, emergence: { cumulative, never } }, order) =>
          tooltipLine(
            order,
            name,
            text.formatProbability(cumulative[row]!),
            ` (${words.never}: ${text.formatProbability(never)})`,
          ),
        ),
      ),
      xAxis: layerAxis(theme, layers, text.layer),
      yAxis: {
        type: 'value' as const,
        ...valueAxisStyle(theme, words.share),
        ...{ min: 0, max: 1, splitNumber: 4 },
        axisLabel: {
          color: theme.axis,
          fontSize: 11,
          formatter: (value: number) => text.formatProbability(value),
        },
      },
      series: groups.map(({ name, emergence }, order) => ({
        type: 'line' as const,
        name,
        step: 'middle' as const,
        data: [...emergence.cumulative],
        color: seriesColor(theme, order),
        lineStyle: { width: 2, type: order === 0 ? ('solid' as const) : ('dashed' as const) },
        symbol: 'circle',
        symbolSize: 4,
      })),
    },
    table: {
      columns: [
        'group',
        'layer',
        'share_readable_by_then',
        'share_never',
        'never_lower_95',
        'never_upper_95',
      ],
      rows: groups.flatMap(({ name, emergence: { cumulative, never, neverInterval } }) =>
        layers.map((layer) => [name, layer, cumulative[layer]!, never, neverInterval[0]!, neverInterval[1]!]),
      ),
    },
  };
}
