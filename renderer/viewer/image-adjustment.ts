/** How the photograph is shown; its file is never changed. */
export interface ImageAdjustment {
  /** 1 is the photograph as it is. */
  brightness: number;
  contrast: number;
  invert: boolean;
  /** The green channel alone, in which vessels and haemorrhages stand out. */
  redFree: boolean;
}

export function plainAdjustment(): ImageAdjustment {
  return { brightness: 1, contrast: 1, invert: false, redFree: false };
}

export function isPlain({ brightness, contrast, invert, redFree }: ImageAdjustment): boolean {
  return brightness === 1 && contrast === 1 && !invert && !redFree;
}

/** The adjustment as a CSS filter; the red-free part is an SVG filter with the given id. */
export function filterOf(
  { brightness, contrast, invert, redFree }: ImageAdjustment,
  redFreeId: string,
): string {
  const parts = [
    redFree ? `url(#${redFreeId})` : '',
    brightness === 1 ? '' : `brightness(${brightness})`,
    contrast === 1 ? '' : `contrast(${contrast})`,
    invert ? 'invert(1)' : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'none' : parts.join(' ');
}
