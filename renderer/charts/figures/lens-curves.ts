import type { LensErrors } from '../../../electron/engine/lens-trace/lenses/fitted-lens.ts';
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

export interface LensCurveWords {
  /** What the curves are of. */
  readonly divergence: string;
  /** By place and lens. */
  readonly names: Readonly<Record<'answer' | 'positions', Readonly<Record<'logit' | 'lens', string>>>>;
}

/** How far the logit lens and a fitted one are from the final distribution, by layer, on images that were not fitted on. */
export function lensCurves(
  error: LensErrors,
  theme: ChartTheme,
  text: FigureText,
  { divergence, names }: LensCurveWords,
): Figure {
  const layers = error.answer.logit.map((_, layer) => layer);
  const curves = (['answer', 'positions'] as const).flatMap((place, hue) =>
    (['logit', 'lens'] as const).map((lens) => ({
      ...{ place, lens, name: names[place][lens], values: error[place][lens] },
      color: seriesColor(theme, hue + 1),
    })),
  );
  return {
    option: {
      ...baseOption(theme),
      legend: { ...legendStyle(theme), data: curves.map(({ name }) => name) },
      tooltip: layerTooltip(theme, text, layers, (row) =>
        curves.map(({ name, values, place }) =>
          tooltipLine(place === 'answer' ? 1 : 2, name, text.formatNumber(values[row]!), ` ${text.nats}`),
        ),
      ),
      grid: { ...figureSides, top: 28, bottom: 38 },
      xAxis: layerAxis(theme, layers, text.layer),
      yAxis: {
        type: 'log',
        ...valueAxisStyle(theme, `${divergence}, ${text.nats}`),
        axisLabel: numberLabels(theme, text),
      },
      series: curves.map(({ name, lens, values, color }) => ({
        type: 'line' as const,
        name,
        // Zero, as at the last layer, has no place on a logarithmic axis.
        data: values.map((value) => (value > 0 ? value : null)),
        color,
        lineStyle: { width: 2, type: lens === 'logit' ? ('dashed' as const) : ('solid' as const) },
        symbol: lens === 'logit' ? 'emptyCircle' : 'circle',
        symbolSize: 5,
      })),
    },
    table: {
      columns: ['place', 'lens', 'layer', 'kl_to_final_nats'],
      rows: curves.flatMap(({ place, lens, values }) =>
        values.map((value, layer) => [place, lens === 'lens' ? 'fitted' : lens, layer, value]),
      ),
    },
  };
}
