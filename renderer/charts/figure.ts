import type { EChartsOption } from 'echarts';
import type { ChartTheme } from './chart-theme.ts';

/** A chart's option, and the same numbers as a table. */
export interface Figure {
  readonly option: EChartsOption;
  readonly table: FigureTable;
  /** Pixels left of the columns where they differ from {@link figureSides}. */
  readonly left?: number;
}

export interface FigureTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** Words of a figure in the reader's language. */
export interface FigureText {
  readonly layer: string;
  readonly rank: string;
  readonly token: string;
  readonly probability: string;
  readonly logProbability: string;
  readonly entropy: string;
  readonly divergence: string;
  readonly nats: string;
  readonly emergence: string;
  readonly concept: string;
  readonly difference: string;
  readonly formatNumber: (value: number) => string;
  readonly formatProbability: (value: number) => string;
}

/** All figures of a timeline share their sides, so that one line through them marks one layer. */
export const figureSides = { left: 62, right: 20 } as const;

/** The middle of a layer's column, in pixels from the left edge of the figure. */
export function layerCentre(
  layerIndex: number,
  numLayers: number,
  width: number,
  left: number = figureSides.left,
): number {
  return left + ((layerIndex + 0.5) / numLayers) * (width - left - figureSides.right);
}

/** The layer whose column lies under a pixel; outside the columns the nearest one. */
export function layerAt(
  x: number,
  numLayers: number,
  width: number,
  left: number = figureSides.left,
): number {
  const share = (x - left) / Math.max(1, width - left - figureSides.right);
  return Math.min(numLayers - 1, Math.max(0, Math.floor(share * numLayers)));
}

export function baseOption(theme: ChartTheme): EChartsOption {
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: theme.font, color: theme.text, fontSize: 11 },
    tooltip: tooltipStyle(theme),
  };
}

export function tooltipStyle(theme: ChartTheme) {
  return {
    confine: true,
    backgroundColor: theme.surface,
    borderColor: theme.line,
    borderWidth: 1,
    padding: [6, 9],
    textStyle: { color: theme.text, fontSize: 12, fontFamily: theme.font },
    extraCssText: 'box-shadow: var(--shadow-raised); border-radius: var(--radius-md);',
  };
}

/** Above the curves; turned like pages where the names do not fit into one line. */
export function legendStyle(theme: ChartTheme) {
  return {
    type: 'scroll' as const,
    left: figureSides.left,
    right: figureSides.right,
    top: 0,
    itemWidth: 18,
    itemHeight: 8,
    // A legend of several pages is cut to the height of its lines, and letters are higher than the samples.
    textStyle: { color: theme.textSoft, fontSize: 11, lineHeight: 16 },
    pageTextStyle: { color: theme.textSoft },
    pageIconColor: theme.axis,
  };
}

/** Says what all curves are at the layer that is pointed at. */
export function layerTooltip(
  theme: ChartTheme,
  text: FigureText,
  layers: readonly number[],
  linesAt: (row: number) => readonly string[],
) {
  return {
    ...tooltipStyle(theme),
    trigger: 'axis' as const,
    axisPointer: { type: 'line' as const, lineStyle: { color: theme.line, type: 'dashed' as const } },
    formatter: (params: unknown) => {
      const row = (params as { dataIndex: number }[])[0]?.dataIndex;
      if (row === undefined) return '';
      return [`${escapeHtml(text.layer)} ${layers[row]!}`, ...linesAt(row)].join('<br>');
    },
  };
}

/** A curve's line of a tooltip; colours are classes, because the page's policy forbids styles within markup. */
export function tooltipLine(order: number, name: string, value: string, after = ''): string {
  return `<span class="series-${(order % 8) + 1}">●</span> ${escapeHtml(name)} <strong>${escapeHtml(value)}</strong>${escapeHtml(after)}`;
}

/** Thins layer numbers out so that they never touch. */
export function layerAxis(theme: ChartTheme, layers: readonly number[], name: string, showName = true) {
  return {
    type: 'category' as const,
    data: layers.map(String),
    name: showName ? name : '',
    nameLocation: 'middle' as const,
    nameGap: 24,
    nameTextStyle: { color: theme.axis, fontSize: 11 },
    axisLine: { lineStyle: { color: theme.line } },
    axisTick: { alignWithLabel: true, lineStyle: { color: theme.line } },
    axisLabel: { color: theme.axis, fontSize: 11, hideOverlap: true },
  };
}

/** Numbers in the form of the language. */
export function numberLabels(theme: ChartTheme, text: FigureText) {
  return { color: theme.axis, fontSize: 11, formatter: (value: number) => text.formatNumber(value) };
}

export function valueAxisStyle(theme: ChartTheme, name: string) {
  return {
    name,
    nameLocation: 'middle' as const,
    nameGap: 44,
    nameTextStyle: { color: theme.axis, fontSize: 11 },
    axisLabel: { color: theme.axis, fontSize: 11 },
    splitLine: { lineStyle: { color: theme.grid } },
    axisLine: { show: false },
  };
}

/** Token texts come from a model and are shown as text, never as markup. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Comma-separated values after RFC 4180, with a first line that says where the numbers come from. */
export function tableToCsv(table: FigureTable, provenance: string): string {
  const cell = (value: string | number | null) => {
    if (value === null) return '';
    const text = typeof value === 'number' ? String(value) : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [table.columns, ...table.rows].map((row) => row.map(cell).join(','));
  return [`# ${provenance.replaceAll(/\s+/g, ' ')}`, ...lines, ''].join('\r\n');
}
