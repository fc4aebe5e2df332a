import { colorTable } from '../../electron/engine/lens-trace/overlay/color-scales.ts';
import type { ColorTableName } from '../../electron/engine/lens-trace/overlay/color-scales.ts';
import type { OverlaySeries } from '../../electron/engine/lens-trace/overlay/overlay-series.ts';

/** Where the photograph lies, in pixels of the canvas. */
export interface PhotoRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface OverlayFrame {
  readonly series: OverlaySeries;
  readonly layerIndex: number;
  readonly scale: ColorTableName;
  /** 0–1. */
  readonly opacity: number;
  readonly showSinks: boolean;
  readonly selectedCell: number | null;
  /** Shows the colours only left of this share of the photograph; 1 shows all. */
  readonly reveal: number;
}

/** Cells narrower than this, in pixels, carry no text. */
const smallestText = 34;

/**
 * Draws one layer of an overlay. Colours go through a bitmap with one pixel per image token, scaled by the
 * canvas; nothing is allocated while the layer changes.
 */
export class OverlayPainter {
  readonly #bitmap = document.createElement('canvas');
  #pixels: { readonly image: ImageData; readonly words: Uint32Array } | null = null;

  paint(context: CanvasRenderingContext2D, rect: PhotoRect, frame: OverlayFrame, pixelRatio: number): void {
    const { columns, rows } = frame.series.layout;
    this.#fill(frame);
    context.save();
    context.beginPath();
    context.rect(rect.x, rect.y, rect.width * frame.reveal, rect.height);
    context.clip();
    context.imageSmoothingEnabled = false;
    context.globalAlpha = frame.opacity;
    context.drawImage(this.#bitmap, rect.x, rect.y, rect.width, rect.height);
    context.globalAlpha = 1;
    const cellWidth = rect.width / columns;
    const cellHeight = rect.height / rows;
    if (frame.series.textAt !== null && cellWidth >= smallestText * pixelRatio) {
      drawTexts(context, rect, frame, cellWidth, cellHeight, pixelRatio);
    }
    if (frame.showSinks) drawSinks(context, rect, frame, cellWidth, cellHeight, pixelRatio);
    context.restore();
    if (frame.selectedCell !== null) {
      outline(context, rect, frame.selectedCell, columns, cellWidth, cellHeight, pixelRatio);
    }
  }

  #fill({ series, layerIndex, scale }: OverlayFrame): void {
    const { columns, rows, cells } = series.layout;
    const bitmapContext = this.#bitmap.getContext('2d')!;
    if (this.#pixels === null || this.#bitmap.width !== columns || this.#bitmap.height !== rows) {
      this.#bitmap.width = columns;
      this.#bitmap.height = rows;
      const image = bitmapContext.createImageData(columns, rows);
      this.#pixels = { image, words: new Uint32Array(image.data.buffer) };
    }
    const { image, words } = this.#pixels;
    const table = colorTable(scale);
    const start = layerIndex * cells.length;
    for (let cell = 0; cell < cells.length; cell++) {
      words[cell] = cells[cell]! < 0 ? 0 : table[series.levels[start + cell]!]!;
    }
    bitmapContext.putImageData(image, 0, 0);
  }
}

function drawTexts(
  context: CanvasRenderingContext2D,
  rect: PhotoRect,
  { series, layerIndex }: OverlayFrame,
  cellWidth: number,
  cellHeight: number,
  pixelRatio: number,
): void {
  const { columns, cells } = series.layout;
  context.font = `500 ${11 * pixelRatio}px 'Inter Variable', sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.lineWidth = 3 * pixelRatio;
  context.lineJoin = 'round';
  context.strokeStyle = 'rgb(0 0 0 / 75%)';
  context.fillStyle = '#ffffff';
  const { width, height } = context.canvas;
  for (let cell = 0; cell < cells.length; cell++) {
    const x = rect.x + ((cell % columns) + 0.5) * cellWidth;
    const y = rect.y + (Math.floor(cell / columns) + 0.5) * cellHeight;
    if (x < 0 || y < 0 || x > width || y > height) continue;
    const text = series.textAt!(layerIndex, cell);
    context.strokeText(text, x, y, cellWidth - 4);
    context.fillText(text, x, y, cellWidth - 4);
  }
}

/** A sink gathers attention from everywhere: a small diamond says that its place means little. */
function drawSinks(
  context: CanvasRenderingContext2D,
  rect: PhotoRect,
  { series, layerIndex }: OverlayFrame,
  cellWidth: number,
  cellHeight: number,
  pixelRatio: number,
): void {
  const { columns } = series.layout;
  const size = Math.max(3 * pixelRatio, Math.min(cellWidth, cellHeight) * 0.28);
  context.beginPath();
  series.sinksAt(layerIndex).forEach((isSink, cell) => {
    if (isSink === 0) return;
    const x = rect.x + ((cell % columns) + 0.5) * cellWidth;
    const y = rect.y + (Math.floor(cell / columns) + 0.5) * cellHeight;
    context.moveTo(x, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x, y + size);
    context.lineTo(x - size, y);
    context.closePath();
  });
  context.lineWidth = 3 * pixelRatio;
  context.strokeStyle = 'rgb(0 0 0 / 80%)';
  context.stroke();
  context.lineWidth = 1.4 * pixelRatio;
  context.strokeStyle = '#ffffff';
  context.stroke();
}

function outline(
  context: CanvasRenderingContext2D,
  rect: PhotoRect,
  cell: number,
  columns: number,
  cellWidth: number,
  cellHeight: number,
  pixelRatio: number,
): void {
  const x = rect.x + (cell % columns) * cellWidth;
  const y = rect.y + Math.floor(cell / columns) * cellHeight;
  context.lineWidth = 4 * pixelRatio;
  context.strokeStyle = '#000000';
  context.strokeRect(x, y, cellWidth, cellHeight);
  context.lineWidth = 2 * pixelRatio;
  context.strokeStyle = '#ffffff';
  context.strokeRect(x, y, cellWidth, cellHeight);
}
