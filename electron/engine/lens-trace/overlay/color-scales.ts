/** Perceptually uniform scales that people with any colour vision can read; anchors after matplotlib's tables. */
export const scaleNames = ['viridis', 'cividis', 'inferno'] as const;
export type ScaleName = (typeof scaleNames)[number];
/** Scales of a single quantity, and the one of a difference with its neutral middle. */
export type ColorTableName = ScaleName | 'difference';

const anchors: Readonly<Record<ScaleName, readonly string[]>> = {
  viridis: [
    '#440154',
    '#482475',
    '#414487',
    '#355f8d',
    '#2a788e',
    '#21918c',
    '#22a884',
    '#44bf70',
    '#7ad151',
    '#bddf26',
    '#fde725',
  ],
  cividis: [
    '#00224e',
    '#123570',
    '#3b496c',
    '#575d6d',
    '#707173',
    '#8a8678',
    '#a59c74',
    '#c3b369',
    '#e1cc55',
    '#fee838',
  ],
  inferno: [
    '#000004',
    '#160b39',
    '#420a68',
    '#6a176e',
    '#932667',
    '#bc3754',
    '#dd513a',
    '#f37819',
    '#fca50a',
    '#f6d746',
    '#fcffa4',
  ],
};

/** From "less" over neutral to "more", blue to orange: told apart with any colour vision. */
const divergingAnchors = ['#2b5fb8', '#5f93d6', '#a9c8ea', '#e9ecee', '#f2c79a', '#dd8d3f', '#a85a10'];

export type Rgb = readonly [red: number, green: number, blue: number];

export function scaleColors(name: ScaleName): readonly string[] {
  return anchors[name];
}

export function divergingColors(): readonly string[] {
  return divergingAnchors;
}

/** The colour at a fraction of the scale; fractions outside 0…1 take the nearest end. */
export function sampleColor(colors: readonly string[], fraction: number): Rgb {
  const place = Math.min(1, Math.max(0, fraction)) * (colors.length - 1);
  const lower = Math.min(colors.length - 2, Math.floor(place));
  const share = place - lower;
  const from = parseHex(colors[lower]!);
  const to = parseHex(colors[lower + 1]!);
  const mix = (channel: 0 | 1 | 2) => Math.round(from[channel] + (to[channel] - from[channel]) * share);
  return [mix(0), mix(1), mix(2)];
}

const tables = new Map<ColorTableName, Uint32Array>();

/**
 * The scale as pixels ready for `ImageData`.
 *
 * @returns uint32 [256], little-endian RGBA, opaque
 */
export function colorTable(name: ColorTableName): Uint32Array {
  const ready = tables.get(name);
  if (ready !== undefined) return ready;
  const colors = name === 'difference' ? divergingAnchors : anchors[name];
  const table = Uint32Array.from({ length: 256 }, (_, index) => {
    const [red, green, blue] = sampleColor(colors, index / 255);
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
  tables.set(name, table);
  return table;
}

/** Relative luminance after WCAG 2, 0…1. */
export function luminance([red, green, blue]: Rgb): number {
  const linear = (channel: number) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** Black or white, whichever can be read on the colour. */
export function inkOn(color: Rgb): string {
  return luminance(color) > 0.2 ? '#0b0f11' : '#f4f7f8';
}

export function cssColor([red, green, blue]: Rgb): string {
  return `rgb(${red}, ${green}, ${blue})`;
}

export function parseHex(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}
