/** In the order of an RGB pixel, after `all`. */
export const colorChannels = ['all', 'red', 'green', 'blue'] as const;
export type ColorChannel = (typeof colorChannels)[number];

/** How the photograph is shown; its file is never changed. */
export interface ImageAdjustment {
  /** 1 is the photograph as it is. */
  brightness: number;
  contrast: number;
  invert: boolean;
  /** Local contrast is evened out: CLAHE of the luma, or of the one channel. */
  equalize: boolean;
  /** All of them, or one as grey; green is the red-free view, in which vessels and haemorrhages stand out. */
  channel: ColorChannel;
}

export function plainAdjustment(): ImageAdjustment {
  return { brightness: 1, contrast: 1, invert: false, equalize: false, channel: 'all' };
}

export function isPlain({ brightness, contrast, invert, equalize, channel }: ImageAdjustment): boolean {
  return brightness === 1 && contrast === 1 && !invert && !equalize && channel === 'all';
}

/** The adjustment as a CSS filter, all but the equalisation, which needs the pixels; one channel is an SVG filter, whose id begins as given and ends with `-green`. */
export function filterOf(
  { brightness, contrast, invert, channel }: ImageAdjustment,
  filterId: string,
): string {
  const parts = [
    channel === 'all' ? '' : `url(#${filterId}-${channel})`,
    brightness === 1 ? '' : `brightness(${brightness})`,
    contrast === 1 ? '' : `contrast(${contrast})`,
    invert ? 'invert(1)' : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'none' : parts.join(' ');
}
