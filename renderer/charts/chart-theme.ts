/** What a figure takes from the design tokens. */
export interface ChartTheme {
  readonly background: string;
  readonly surface: string;
  readonly text: string;
  readonly textSoft: string;
  readonly axis: string;
  readonly grid: string;
  readonly shade: string;
  readonly line: string;
  readonly accent: string;
  readonly font: string;
  readonly series: readonly string[];
}

/** Reads the tokens of one theme, whatever theme the page shows, so that figures for print can be light. */
export function readChartTheme(theme: 'dark' | 'light'): ChartTheme {
  const probe = document.createElement('div');
  probe.dataset['theme'] = theme;
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const read = (name: string) => style.getPropertyValue(name).trim();
  const result: ChartTheme = {
    background: read('--color-surface-1'),
    surface: read('--color-surface-3'),
    text: read('--color-text'),
    textSoft: read('--color-text-2'),
    axis: read('--color-chart-axis'),
    grid: read('--color-chart-grid'),
    shade: read('--color-chart-shade'),
    line: read('--color-line-strong'),
    accent: read('--color-accent'),
    font: read('--font-sans'),
    series: Array.from({ length: 8 }, (_, index) => read(`--color-series-${index + 1}`)),
  };
  probe.remove();
  return result;
}

/** The colour of the n-th curve; colours repeat after the eighth, with another line style. */
export function seriesColor(theme: ChartTheme, index: number): string {
  return theme.series[index % theme.series.length]!;
}

export function seriesLine(index: number): 'solid' | 'dashed' | 'dotted' {
  return (['solid', 'dashed', 'dotted'] as const)[Math.floor(index / 8) % 3]!;
}
