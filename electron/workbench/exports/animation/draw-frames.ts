import sharp from 'sharp';
import type { OverlayOptions } from 'sharp';
import { colorTable } from '../../../engine/lens-trace/overlay/color-scales.ts';
import type { ScaleName } from '../../../engine/lens-trace/overlay/color-scales.ts';
import type { OverlaySeries } from '../../../engine/lens-trace/overlay/overlay-series.ts';
import type { DrawText, TextPicture } from './draw-text.ts';

const ink = '#12212a';
const softInk = '#536670';

/** What an animation shows; texts are in the language of the person. */
export interface Scene {
  /** RGB, upright. */
  readonly photograph: { readonly data: Buffer; readonly width: number; readonly height: number };
  readonly series: OverlaySeries | null;
  readonly scale: ScaleName;
  readonly opacity: number;
  readonly showSinks: boolean;
  /** Above the colour scale. */
  readonly subject: string;
  readonly ends: readonly [low: string, high: string];
  readonly footnotes: readonly string[];
  /** By layer. */
  readonly titles: readonly string[];
  readonly topWords: readonly string[];
}

export interface Frame {
  /** RGB. */
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/** A frame for each layer: the photograph with its overlay, below it layer, words, and what the colours mean. */
export async function* drawFrames(
  scene: Scene,
  drawText: DrawText,
  signal?: AbortSignal,
): AsyncGenerator<Frame> {
  const { photograph, series } = scene;
  const { width } = photograph;
  const size = Math.max(13, Math.round(width / 42));
  const [margin, line] = [size, Math.round(size * 1.7)];
  const rowOf = (index: number) => photograph.height + Math.round(margin / 2) + index * line;
  const rows = 2 + (series === null ? 1 : 2) + scene.footnotes.length;
  const height = rowOf(rows) + Math.round(margin / 2);
  const room = width - 2 * margin;
  const small = Math.round(size * 0.8);

  const still: OverlayOptions[] = [
    { ...asRaw({ ...photograph, channels: 3 }), left: 0, top: 0 },
    ...placed(await drawText(scene.subject, small, softInk, room), margin, rowOf(2)),
  ];
  if (series !== null) {
    const [low, high] = await Promise.all(scene.ends.map((text) => drawText(text, small, softInk, room)));
    const left = margin + (low?.width ?? 0) + Math.round(size / 2);
    const barWidth = Math.max(40, width - left - margin - (high?.width ?? 0) - Math.round(size / 2));
    still.push(
      ...placed(low ?? null, margin, rowOf(3)),
      { ...asRaw(colorBar(scene.scale, barWidth, size)), left, top: rowOf(3) },
      ...placed(high ?? null, left + barWidth + Math.round(size / 2), rowOf(3)),
    );
  }
  for (const [index, note] of scene.footnotes.entries())
    still.push(
      ...placed(
        await drawText(note, small, softInk, room),
        margin,
        rowOf(rows - scene.footnotes.length + index),
      ),
    );
  const ground = await sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite(still)
    .removeAlpha()
    .raw()
    .toBuffer();

  for (const [layer, title] of scene.titles.entries()) {
    signal?.throwIfAborted();
    const parts = [
      ...(series === null ? [] : await drawOverlay(scene, series, layer)),
      ...placed(await drawText(title, size, ink, room), margin, rowOf(0)),
      ...placed(await drawText(scene.topWords[layer] ?? '', size, ink, room), margin, rowOf(1)),
    ];
    const data = await sharp(ground, { raw: { width, height, channels: 3 } })
      .composite(parts)
      .removeAlpha()
      .raw()
      .toBuffer();
    yield { data, width, height };
  }
}

async function drawOverlay(scene: Scene, series: OverlaySeries, layer: number): Promise<OverlayOptions[]> {
  const { photograph, opacity, showSinks } = scene;
  const { width, height } = photograph;
  const { columns, rows, cells } = series.layout;
  const table = colorTable(scene.scale);
  const alpha = Math.round(255 * opacity);
  const patches = Buffer.alloc(cells.length * 4);
  cells.forEach((index, cell) => {
    if (index < 0) return;
    const color = table[series.levels[layer * cells.length + cell]!]!;
    patches.writeUInt32LE(((color & 0xffffff) | (alpha << 24)) >>> 0, cell * 4);
  });
  const colors = await sharp(patches, { raw: { width: columns, height: rows, channels: 4 } })
    .resize(width, height, { fit: 'fill', kernel: 'nearest' })
    .raw()
    .toBuffer();
  const parts: OverlayOptions[] = [
    { ...asRaw({ data: colors, width, height, channels: 4 }), left: 0, top: 0 },
  ];
  const sinks = showSinks ? sinkMarks(series, layer, width, height) : null;
  return sinks === null ? parts : [...parts, { input: Buffer.from(sinks), left: 0, top: 0 }];
}

/** The diamonds that the screen draws; null where no token is a sink. */
function sinkMarks(series: OverlaySeries, layer: number, width: number, height: number): string | null {
  const { columns, rows } = series.layout;
  const [cellWidth, cellHeight] = [width / columns, height / rows];
  const size = Math.max(3, Math.min(cellWidth, cellHeight) * 0.28);
  let path = '';
  series.sinksAt(layer).forEach((isSink, cell) => {
    if (isSink === 0) return;
    const x = ((cell % columns) + 0.5) * cellWidth;
    const y = (Math.floor(cell / columns) + 0.5) * cellHeight;
    path += `M${x} ${y - size}L${x + size} ${y}L${x} ${y + size}L${x - size} ${y}Z`;
  });
  if (path === '') return null;
  const stroke = (color: string, thick: number) =>
    `<path d="${path}" fill="none" stroke="${color}" stroke-width="${thick}" stroke-opacity="0.9"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${stroke('#000', 3)}${stroke('#fff', 1.4)}</svg>`;
}

function colorBar(scale: ScaleName, width: number, height: number) {
  const table = colorTable(scale);
  const data = Buffer.alloc(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      data.writeUInt32LE(table[Math.round((255 * x) / Math.max(1, width - 1))]!, (y * width + x) * 4);
  }
  return { data, width, height, channels: 4 } as const;
}

function placed(picture: TextPicture | null, left: number, top: number): OverlayOptions[] {
  return picture === null ? [] : [{ ...asRaw({ ...picture, channels: 4 }), left, top }];
}

function asRaw({
  data,
  width,
  height,
  channels,
}: {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
}) {
  return { input: data, raw: { width, height, channels } };
}
