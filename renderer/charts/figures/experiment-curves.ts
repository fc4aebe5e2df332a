import type { ConceptResult, ConditionResult } from '../../../electron/contract/experiments.ts';
import type { Language } from '../../locales/i18n.ts';
import {
  cssColor,
  inkOn,
  sampleColor,
  scaleColors,
} from '../../../electron/engine/lens-trace/overlay/color-scales.ts';
import { showToken } from '../../reading/reading.ts';
import { seriesColor, seriesLine } from '../chart-theme.ts';
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
  tooltipStyle,
  valueAxisStyle,
} from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';
import { bandSeries } from './band.ts';

/** Level at which a layer counts as above the highest control, after the correction over layers. */
export const conceptSignificance = 0.05;

type Emerged = ConceptResult & { readonly emergence: NonNullable<ConceptResult['emergence']> };
type Curved = ConceptResult & { readonly curves: NonNullable<ConceptResult['curves']> };

/** Concepts of a condition whose emergence is drawn: those with curves that could be asked of some photograph. */
export function emergedConcepts({ concepts }: Pick<ConditionResult, 'concepts'>): Emerged[] {
  return concepts.filter(
    (concept): concept is Emerged => concept.emergence !== null && concept.curves !== null,
  );
}

/** Concepts whose curves are there. */
export function curvedConcepts({ concepts }: Pick<ConditionResult, 'concepts'>): Curved[] {
  return concepts.filter((concept): concept is Curved => concept.curves !== null);
}

/** Share of photographs in which each concept is readable by a layer; who never reaches it stands in its name. */
export function emergenceCurves(
  condition: Pick<ConditionResult, 'concepts' | 'layers'>,
  language: Language,
  theme: ChartTheme,
  text: FigureText,
  words: { readonly share: string; readonly never: (share: number) => string },
): Figure {
  const { layers } = condition;
  const shown = emergedConcepts(condition);
  const nameOf = ({ label, emergence }: Emerged) => `${label[language]} (${words.never(emergence.never)})`;
  return {
    option: {
      ...baseOption(theme),
      grid: { ...figureSides, top: 28, bottom: 38 },
      xAxis: layerAxis(theme, layers, text.layer),
      yAxis: {
        type: 'value',
        min: 0,
        max: 1,
        interval: 0.25,
        ...valueAxisStyle(theme, words.share),
        axisLabel: { color: theme.axis, fontSize: 11, formatter: text.formatProbability },
      },
      legend: { ...legendStyle(theme), data: shown.map(nameOf) },
      tooltip: layerTooltip(theme, text, layers, (row) =>
        shown.map((concept, order) =>
          tooltipLine(order, nameOf(concept), text.formatProbability(concept.emergence.cumulative[row]!)),
        ),
      ),
      series: shown.map((concept, order) => ({
        type: 'line' as const,
        name: nameOf(concept),
        // Curves that lie upon each other are seen through each other's gaps.
        step: 'end' as const,
        data: [...concept.emergence.cumulative],
        color: seriesColor(theme, order),
        lineStyle: { width: 2, type: seriesLine(order * 8) },
        symbol: 'circle',
        symbolSize: 4,
      })),
    },
    table: {
      columns: [
        ...['concept', 'layer', 'share_readable_by_layer', 'never', 'never_lower_95', 'never_upper_95'],
        ...['patients', 'photographs'],
      ],
      rows: shown.flatMap(({ id, emergence }) =>
        layers.map((layer, row) => [
          ...[id, layer, emergence.cumulative[row]!, emergence.never, ...emergence.neverInterval],
          ...[emergence.patients, emergence.photographs],
        ]),
      ),
    },
  };
}

/** Layers at which the patients' mean is above the highest control, and differs from it after max-T over layers. */
export function layersAbove({ curves }: Pick<Curved, 'curves'>, layers: readonly number[]): number[] {
  const { photographs, controls, correctedP } = curves;
  if (controls === null || correctedP === null) return [];
  return layers.filter(
    (_, row) => correctedP[row]! < conceptSignificance && photographs.mean[row]! > controls[row]!,
  );
}

/** One concept: log-odds of its words over patients with their interval, and of the highest control beside them. */
export function conceptOddsCurve(
  { id, curves }: Pick<Curved, 'id' | 'curves'>,
  layers: readonly number[],
  theme: ChartTheme,
  text: FigureText,
  words: {
    readonly odds: string;
    readonly photographs: string;
    readonly controls: string;
    readonly p: string;
  },
): Figure {
  const { photographs, controls, correctedP } = curves;
  const marked = new Set(layersAbove({ curves }, layers));
  const color = seriesColor(theme, 0);
  return {
    option: {
      ...baseOption(theme),
      grid: { ...figureSides, top: 28, bottom: 38 },
      xAxis: layerAxis(theme, layers, text.layer),
      yAxis: {
        type: 'value',
        scale: true,
        splitNumber: 4,
        ...valueAxisStyle(theme, words.odds),
        axisLabel: numberLabels(theme, text),
      },
      legend: {
        ...legendStyle(theme),
        data: [words.photographs, ...(controls === null ? [] : [words.controls])],
      },
      tooltip: layerTooltip(theme, text, layers, (row) => [
        tooltipLine(
          0,
          words.photographs,
          text.formatNumber(photographs.mean[row]!),
          ` [${text.formatNumber(photographs.lower[row]!)}; ${text.formatNumber(photographs.upper[row]!)}] ${text.nats}`,
        ),
        ...(controls === null ? [] : [tooltipLine(1, words.controls, text.formatNumber(controls[row]!))]),
        ...(correctedP === null ? [] : [`${escapeHtml(words.p)} = ${text.formatNumber(correctedP[row]!)}`]),
      ]),
      series: [
        ...bandSeries('interval', color, photographs.lower, photographs.upper, 0.2),
        {
          type: 'line',
          name: words.photographs,
          data: photographs.mean.map((value, row) => ({
            value,
            symbol: marked.has(layers[row]!) ? 'diamond' : 'circle',
            symbolSize: marked.has(layers[row]!) ? 12 : 4,
          })),
          color,
          lineStyle: { width: 2 },
          symbol: 'circle',
          symbolSize: 4,
        },
        ...(controls === null
          ? []
          : [
              {
                type: 'line' as const,
                name: words.controls,
                data: [...controls],
                color: seriesColor(theme, 1),
                lineStyle: { width: 2, type: 'dashed' as const },
                symbol: 'none',
              },
            ]),
      ],
    },
    table: {
      columns: [
        ...['concept', 'patients', 'layer', 'mean_log_odds_nats', 'lower_95', 'upper_95'],
        ...['highest_control_log_odds_nats', 'p_max_t'],
      ],
      rows: layers.map((layer, row) => [
        ...[id, curves.patients, layer],
        ...[photographs.mean[row]!, photographs.lower[row]!, photographs.upper[row]!],
        ...[controls?.[row] ?? null, correctedP?.[row] ?? null],
      ]),
    },
  };
}

/** As the notebook draws it: the i-th largest probability of each layer, labelled by the last layer's token. */
export function notebookCurves(
  { ranks, layers, photographs }: Pick<ConditionResult, 'ranks' | 'layers' | 'photographs'>,
  theme: ChartTheme,
  text: FigureText,
  ofLabel: (count: number, total: number) => string,
): Figure {
  const names = ranks.map(({ rank, label }) => `${rank}. ${showToken(label)}`);
  return {
    option: {
      ...baseOption(theme),
      grid: { ...figureSides, top: 28, bottom: 38 },
      xAxis: layerAxis(theme, layers, text.layer),
      yAxis: {
        type: 'value',
        min: 0,
        max: 1,
        interval: 0.25,
        ...valueAxisStyle(theme, text.probability),
        axisLabel: { color: theme.axis, fontSize: 11, formatter: text.formatProbability },
      },
      legend: { ...legendStyle(theme), data: names },
      tooltip: layerTooltip(theme, text, layers, (row) =>
        ranks.map(({ probability, ofLabel: counts }, order) =>
          tooltipLine(
            order,
            names[order]!,
            text.formatProbability(probability[row]!),
            ` · ${ofLabel(counts[row]!, photographs)}`,
          ),
        ),
      ),
      series: ranks.map(({ probability }, order) => ({
        type: 'line' as const,
        name: names[order]!,
        data: [...probability],
        color: seriesColor(theme, order),
        lineStyle: { width: 2, type: seriesLine(order * 8) },
        symbol: 'circle',
        symbolSize: 4,
      })),
    },
    table: {
      columns: [
        'rank',
        'label',
        'photographs_with_label',
        'layer',
        'mean_probability',
        'photographs_of_label',
      ],
      rows: ranks.flatMap(({ rank, label, labelled, probability, ofLabel: counts }) =>
        layers.map((layer, row) => [rank, label, labelled, layer, probability[row]!, counts[row]!]),
      ),
    },
  };
}

/** The tokens that lead in most photographs, layer by layer, coloured by how many photographs that is. */
export function leadingTokens(
  { leading, layers, photographs }: Pick<ConditionResult, 'leading' | 'layers' | 'photographs'>,
  theme: ChartTheme,
  text: FigureText,
  width: number,
  words: { readonly place: string; readonly inPhotographs: (count: number, total: number) => string },
): Figure {
  const colors = scaleColors('viridis');
  const numPlaces = Math.max(1, ...leading.map(({ tokens }) => tokens.length));
  const columnWidth = (width - figureSides.left - figureSides.right) / layers.length;
  const turned = columnWidth < 46;
  return {
    option: {
      ...baseOption(theme),
      tooltip: {
        ...tooltipStyle(theme),
        trigger: 'item',
        formatter: (params) => {
          const [column, place] = (params as unknown as { data: { value: [number, number] } }).data.value;
          const { layer, meanProbability, tokens } = leading[column]!;
          const token = tokens[place]!;
          return [
            `<strong>${escapeHtml(showToken(token.text))}</strong>`,
            `${escapeHtml(text.layer)} ${layer}`,
            escapeHtml(words.inPhotographs(token.photographs, photographs)),
            `${escapeHtml(text.probability)} ${text.formatProbability(meanProbability)}`,
          ].join('<br>');
        },
      },
      grid: { ...figureSides, top: 6, bottom: 38 },
      xAxis: { ...layerAxis(theme, layers, text.layer), splitArea: { show: false } },
      yAxis: {
        type: 'category',
        inverse: true,
        data: Array.from({ length: numPlaces }, (_, place) => String(place + 1)),
        name: words.place,
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
          progressive: 0,
          data: leading.flatMap(({ tokens }, column) =>
            tokens.map((token, place) => {
              const share = token.photographs / photographs;
              const color = sampleColor(colors, share);
              return {
                value: [column, place, share],
                itemStyle: { color: cssColor(color) },
                label: { color: inkOn(color) },
              };
            }),
          ),
          itemStyle: { borderColor: theme.background, borderWidth: 1, borderRadius: 2 },
          label: {
            show: columnWidth >= 13,
            rotate: turned ? 90 : 0,
            width: turned ? 46 : columnWidth - 6,
            overflow: 'truncate',
            ellipsis: '…',
            fontSize: turned ? 10 : 11,
            formatter: (params) => {
              const [column, place] = (params.data as { value: [number, number, number] }).value;
              return showToken(leading[column]!.tokens[place]!.text);
            },
          },
        },
      ],
    },
    table: {
      columns: ['layer', 'place', 'token', 'photographs', 'of_photographs', 'mean_probability_of_leading'],
      rows: leading.flatMap(({ layer, meanProbability, tokens }) =>
        tokens.map((token, place) => [
          ...[layer, place + 1, token.text, token.photographs, photographs],
          meanProbability,
        ]),
      ),
    },
  };
}
