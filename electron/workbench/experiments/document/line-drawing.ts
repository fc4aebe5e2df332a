import { escapeHtml } from '../../exports/reports/html.ts';

export interface DrawnSeries {
  readonly name: string;
  readonly values: readonly number[];
  /** 95 % interval, drawn as a band. */
  readonly band?: { readonly lower: readonly number[]; readonly upper: readonly number[] };
  readonly dashed?: boolean;
}

export interface LineDrawing {
  readonly title: string;
  readonly horizontal: string;
  readonly vertical: string;
  readonly layers: readonly number[];
  readonly series: readonly DrawnSeries[];
  /** Of the vertical axis; as wide as the values when left out. */
  readonly range?: readonly [number, number];
}

const colours = ['#0b6e69', '#a65a00', '#2456b3', '#a8326b', '#5b6b12', '#6a3fb5', '#8a5a44', '#3f6f8f'];
const [width, height] = [760, 330];
const plot = { left: 58, right: 14, top: 34, bottom: 44 } as const;
const keyHeight = 18;

/** Curves over layers as a picture by itself, for pages, PDF and files. */
export function drawLines({ title, horizontal, vertical, layers, series, range }: LineDrawing): string {
  const rows = keyRows(series);
  const full = height + rows.length * keyHeight;
  const [least, most] = range ?? widen(series);
  const right = width - plot.right;
  const base = height - plot.bottom;
  const x = (index: number) => plot.left + (index / Math.max(1, layers.length - 1)) * (right - plot.left);
  const y = (value: number) => base - ((value - least) / (most - least)) * (base - plot.top);
  const at = (index: number, value: number) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`;
  const every = Math.ceil(layers.length / 20);
  const parts = [
    `<text x="${plot.left}" y="20" font-size="13" font-weight="bold" fill="#12212a">${escapeHtml(title)}</text>`,
    ...ticks(least, most).flatMap((tick) => [
      `<line x1="${plot.left}" x2="${right}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="#d5d9de"/>`,
      `<text x="${plot.left - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${Number(tick.toPrecision(6))}</text>`,
    ]),
    ...layers.flatMap((layer, index) =>
      index % every === 0
        ? [`<text x="${x(index).toFixed(1)}" y="${base + 16}" text-anchor="middle">${layer}</text>`]
        : [],
    ),
    `<text x="${(plot.left + right) / 2}" y="${base + 34}" text-anchor="middle">${escapeHtml(horizontal)}</text>`,
    `<text transform="translate(14 ${(plot.top + base) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(vertical)}</text>`,
    ...series.flatMap(({ values, band, dashed = false }, index) => {
      const colour = colourOf(index);
      const outline = band && [
        ...band.upper.map((value, layer) => at(layer, value)),
        ...band.lower.map((value, layer) => at(layer, value)).reverse(),
      ];
      return [
        ...(outline ? [`<polygon points="${outline.join(' ')}" fill="${colour}" fill-opacity="0.16"/>`] : []),
        `<polyline points="${values.map((value, layer) => at(layer, value)).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="6 4"' : ''}/>`,
      ];
    }),
    ...rows.flatMap((row, line) =>
      row.flatMap(({ name, index, left }) => {
        const middle = height + line * keyHeight + 4;
        const dash = series[index]!.dashed === true ? ' stroke-dasharray="6 4"' : '';
        return [
          `<line x1="${left}" x2="${left + 22}" y1="${middle}" y2="${middle}" stroke="${colourOf(index)}" stroke-width="3"${dash}/>`,
          `<text x="${left + 28}" y="${middle + 4}">${escapeHtml(name)}</text>`,
        ];
      }),
    ),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${full}" width="${width}" height="${full}" font-family="Roboto, 'DejaVu Sans', sans-serif" font-size="11" fill="#536670" role="img" aria-label="${escapeHtml(title)}"><rect width="${width}" height="${full}" fill="#ffffff"/>${parts.join('')}</svg>`;
}

function colourOf(index: number): string {
  return colours[index % colours.length]!;
}

/** Names of the curves in as many rows as they need. */
function keyRows(series: readonly DrawnSeries[]) {
  const rows: { name: string; index: number; left: number }[][] = [[]];
  let left: number = plot.left;
  for (const [index, { name }] of series.entries()) {
    const room = 44 + 6.6 * name.length;
    if (left > plot.left && left + room > width - plot.right) {
      rows.push([]);
      left = plot.left;
    }
    rows.at(-1)!.push({ name, index, left });
    left += room;
  }
  return rows;
}

function widen(series: readonly DrawnSeries[]): [number, number] {
  const all = series.flatMap(({ values, band }) => [
    ...values,
    ...(band?.lower ?? []),
    ...(band?.upper ?? []),
  ]);
  const [least, most] = all.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)] as [number, number],
    [Infinity, -Infinity],
  );
  const margin = Math.max((most - least) * 0.05, 0.05);
  return [least - margin, most + margin];
}

/** Round numbers, about five of them. */
function ticks(least: number, most: number): number[] {
  const rough = (most - least) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough)!;
  const first = Math.ceil(least / step - 1e-9);
  const last = Math.floor(most / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}
