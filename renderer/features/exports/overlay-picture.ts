import { colorChannels, filterOf } from '../../viewer/image-adjustment.ts';
import { equalizePhoto } from '../../viewer/equalize/equalized-photo.ts';
import type { ColorChannel, ImageAdjustment } from '../../viewer/image-adjustment.ts';
import { OverlayPainter } from '../../viewer/overlay-painter.ts';
import type { OverlayFrame } from '../../viewer/overlay-painter.ts';
import { canvasToPng, wrapText } from '../../charts/figure-export.ts';

/** The photograph with the overlay of one layer, and the provenance below it, as PNG. */
export async function overlayPicture(
  url: string,
  frame: OverlayFrame | null,
  adjustment: ImageAdjustment,
  provenance: string,
): Promise<Blob> {
  return canvasToPng(await overlayCanvas(url, frame, adjustment, provenance));
}

/** @returns the picture at the size of the view, with a strip for the provenance unless that is empty */
export async function overlayCanvas(
  url: string,
  frame: OverlayFrame | null,
  adjustment: ImageAdjustment,
  provenance: string,
): Promise<HTMLCanvasElement> {
  const photo = new Image();
  const { equalize, channel } = adjustment;
  const made = equalize ? URL.createObjectURL(await equalizePhoto(url, channel)) : null;
  photo.src = made ?? url;
  await photo.decode().finally(() => {
    if (made !== null) URL.revokeObjectURL(made);
  });
  const { naturalWidth: width, naturalHeight: height } = photo;
  const size = Math.max(11, Math.round(width / 90));
  const lines = provenance === '' ? [] : wrapText(provenance, Math.floor((width - 2 * size) / (size * 0.56)));
  const strip = lines.length === 0 ? 0 : (lines.length + 1) * size * 1.3;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height + strip;
  const context = canvas.getContext('2d')!;
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, width, height + strip);
  context.filter = filterOf({ ...adjustment, channel: 'all' }, '');
  context.drawImage(adjustment.channel === 'all' ? photo : oneChannel(photo, adjustment.channel), 0, 0);
  context.filter = 'none';
  if (frame !== null) {
    const painter = new OverlayPainter();
    painter.paint(context, { x: 0, y: 0, width, height }, frame, Math.max(1, width / 900));
  }
  context.fillStyle = '#12212a';
  context.font = `${size}px 'Inter Variable', sans-serif`;
  lines.forEach((line, index) => context.fillText(line, size, height + (index + 1.2) * size * 1.3));
  return canvas;
}

function oneChannel(photo: HTMLImageElement, channel: ColorChannel): HTMLCanvasElement {
  const place = colorChannels.indexOf(channel) - 1;
  const canvas = document.createElement('canvas');
  canvas.width = photo.naturalWidth;
  canvas.height = photo.naturalHeight;
  const context = canvas.getContext('2d')!;
  context.drawImage(photo, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < pixels.data.length; at += 4) {
    pixels.data.fill(pixels.data[at + place]!, at, at + 3);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
