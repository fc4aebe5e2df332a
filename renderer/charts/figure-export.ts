import type { EChartsOption } from 'echarts';
import type { ChartTheme } from './chart-theme.ts';
import { echarts } from './echarts.ts';
import { tableToCsv } from './figure.ts';
import type { Figure } from './figure.ts';
import { svgText } from './svg-text.ts';
import type { SvgNode } from './svg-text.ts';

export interface FigureSheet {
  readonly figure: Figure;
  readonly theme: ChartTheme;
  readonly title: string;
  readonly axisName: string;
  /** Names the conditions under which the numbers came about. */
  readonly provenance: string;
  readonly width: number;
  readonly height: number;
}

const header = 40;
const lineHeight = 13;

/** The figure with what a reader of the file needs: title, legend, provenance, a plain ground. */
export function sheetOption({
  figure,
  theme,
  title,
  axisName,
  provenance,
  width,
}: FigureSheet): EChartsOption {
  const { option } = figure;
  const grid = option.grid as { top: number; bottom: number };
  const lines = wrapText(provenance, Math.floor((width - 24) / 5.2));
  const legend = option.legend ?? {
    left: 12,
    right: 12,
    type: 'scroll',
    itemHeight: 8,
    textStyle: { color: theme.textSoft, fontSize: 11 },
  };
  return {
    ...option,
    animation: false,
    backgroundColor: theme.background,
    title: {
      text: title,
      left: 12,
      top: 6,
      textStyle: { color: theme.text, fontSize: 14, fontFamily: theme.font },
    },
    legend: { ...(legend as object), top: 26 },
    grid: {
      ...grid,
      top: grid.top + header,
      bottom: Math.max(grid.bottom, 38) + 12 + lines.length * lineHeight,
    },
    xAxis: { ...(option.xAxis as object), name: axisName },
    graphic: {
      type: 'text',
      left: 12,
      bottom: 6,
      style: { text: lines.join('\n'), fill: theme.textSoft, font: `10px ${theme.font}`, lineHeight },
    },
  };
}

export function sheetHeight({ height, provenance, width }: FigureSheet): number {
  return height + header + 28 + wrapText(provenance, Math.floor((width - 24) / 5.2)).length * lineHeight;
}

export function figureSvg(sheet: FigureSheet): Blob {
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: sheet.width,
    height: sheetHeight(sheet),
  });
  chart.setOption(sheetOption(sheet));
  // The painter's own text is not always XML; its elements are written by us.
  const painter = chart.getZr().painter as unknown as { renderToVNode(options: object): SvgNode };
  const root = painter.renderToVNode({
    animation: false,
    emphasis: false,
    willUpdate: false,
    compress: true,
    useViewBox: true,
  });
  const text = svgText(root);
  chart.dispose();
  return new Blob([text], { type: 'image/svg+xml' });
}

export async function figurePng(sheet: FigureSheet, pixelRatio = 2): Promise<Blob> {
  return drawSheet(sheet, pixelRatio, canvasToPng);
}

/** The same without waiting, which a drag cannot. */
export function figurePngNow(sheet: FigureSheet, pixelRatio = 2): Blob {
  const base64 = drawSheet(sheet, pixelRatio, (canvas) => canvas.toDataURL('image/png').split(',')[1] ?? '');
  return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], {
    type: 'image/png',
  });
}

function drawSheet<T>(sheet: FigureSheet, pixelRatio: number, take: (canvas: HTMLCanvasElement) => T): T {
  const chart = echarts.init(document.createElement('canvas'), null, {
    renderer: 'canvas',
    devicePixelRatio: pixelRatio,
    width: sheet.width,
    height: sheetHeight(sheet),
  });
  chart.setOption(sheetOption(sheet));
  const taken = take(chart.renderToCanvas({ pixelRatio, backgroundColor: sheet.theme.background }));
  chart.dispose();
  return taken;
}

export function figureCsv({ figure, provenance }: FigureSheet): Blob {
  // The mark at the start tells spreadsheets that the text is UTF-8.
  return new Blob([`\uFEFF${tableToCsv(figure.table, provenance)}`], { type: 'text/csv;charset=utf-8' });
}

export function canvasToPng(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob === null ? reject(new Error('The picture could not be made.')) : resolve(blob)),
      'image/png',
    );
  });
}

/** Breaks a text between words into lines of at most so many characters. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, line];
}
