import type { ColorChannel } from '../image-adjustment.ts';
import { colorChannels } from '../image-adjustment.ts';
import { equalize } from './clahe.ts';

/** An RGBA picture. */
export interface Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * Equalises a picture in place: one channel as it is, or the luma of a colour photograph, whose chroma stays.
 *
 * Luma is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); what it gains is added to all three.
 */
export function equalizePixels({ data, width, height }: Pixels, channel: ColorChannel): void {
  const at = colorChannels.indexOf(channel) - 1;
  const plane = new Uint8Array(width * height);
  for (let pixel = 0; pixel < plane.length; pixel++)
    plane[pixel] = at < 0 ? lumaOf(data, pixel * 4) : data[pixel * 4 + at]!;
  const result = equalize({ data: plane, width, height });
  for (let pixel = 0; pixel < plane.length; pixel++) {
    if (at >= 0) {
      data[pixel * 4 + at] = result[pixel]!;
      continue;
    }
    const gain = result[pixel]! - plane[pixel]!;
    for (let part = 0; part < 3; part++) data[pixel * 4 + part] = data[pixel * 4 + part]! + gain;
  }
}

export function lumaOf(data: ArrayLike<number>, start: number): number {
  return Math.floor((299 * data[start]! + 587 * data[start + 1]! + 114 * data[start + 2]! + 500) / 1000);
}
