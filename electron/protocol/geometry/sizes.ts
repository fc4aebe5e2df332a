import { discDiameter, rimWidth, type Drawings } from './measure.ts';
import { coveredArea } from './regions.ts';
import { areaOf, centreOf, circumferenceOf, heightOf, widthOf, type Outline } from './shapes.ts';

/** Sizes of one outline, px and px². */
export interface OutlineSizes {
  readonly width: number;
  readonly height: number;
  readonly circumference: number;
  readonly area: number;
}

/** What a drawing comes to, in pixels of the photograph and in disc diameters; null where nothing was drawn for it. */
export interface DrawnSizes {
  readonly disc: OutlineSizes | null;
  readonly cup: OutlineSizes | null;
  /** Diameter of the circle with the disc's area, px. */
  readonly discDiameter: number | null;
  /** Cup over disc. */
  readonly cupDisc: { readonly vertical: number; readonly horizontal: number; readonly area: number } | null;
  readonly rim: {
    /** Disc without cup, px². */
    readonly area: number;
    /** Mean width, in disc diameters. Left and right are those of the photograph, so no eye needs to be known. */
    readonly widths: { readonly [side in 'inferior' | 'superior' | 'left' | 'right']: number };
  } | null;
  /** From the centre of the disc to the fovea. */
  readonly discToFovea: { readonly px: number; readonly discDiameters: number } | null;
}

/** Sizes of disc, cup and rim, their ratios, and how far the fovea lies from the disc. */
export function drawnSizes({ disc, cup, fovea }: Drawings): DrawnSizes {
  const both = disc !== undefined && cup !== undefined;
  return {
    disc: disc === undefined ? null : sizesOf(disc),
    cup: cup === undefined ? null : sizesOf(cup),
    discDiameter: disc === undefined ? null : discDiameter(disc),
    cupDisc: both
      ? {
          vertical: heightOf(cup) / heightOf(disc),
          horizontal: widthOf(cup) / widthOf(disc),
          area: areaOf(cup) / areaOf(disc),
        }
      : null,
    rim: both ? rimOf(disc, cup) : null,
    discToFovea: disc === undefined || fovea === undefined ? null : distanceFrom(disc, fovea),
  };
}

/**
 * Dice coefficient of two drawings of the same thing: twice what both cover over the sum of both areas, 0–1.
 *
 * Overlapping outlines of one drawing count once.
 */
export function diceOf(a: readonly Outline[], b: readonly Outline[]): number {
  const [areaA, areaB, either] = [
    coveredArea(a, null),
    coveredArea(b, null),
    coveredArea([...a, ...b], null),
  ];
  return (2 * Math.max(0, areaA + areaB - either)) / (areaA + areaB);
}

function sizesOf(outline: Outline): OutlineSizes {
  return {
    width: widthOf(outline),
    height: heightOf(outline),
    circumference: circumferenceOf(outline),
    area: areaOf(outline),
  };
}

function rimOf(disc: Outline, cup: Outline): NonNullable<DrawnSizes['rim']> {
  return {
    area: Math.max(0, areaOf(disc) - areaOf(cup)),
    widths: {
      inferior: rimWidth(disc, cup, Math.PI / 2),
      superior: rimWidth(disc, cup, -Math.PI / 2),
      left: rimWidth(disc, cup, Math.PI),
      right: rimWidth(disc, cup, 0),
    },
  };
}

function distanceFrom(disc: Outline, [x, y]: readonly [number, number]) {
  const [cx, cy] = centreOf(disc);
  const px = Math.hypot(x - cx, y - cy);
  return { px, discDiameters: px / discDiameter(disc) };
}
