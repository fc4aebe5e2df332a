import { ImportFailure } from '../import-failure.ts';
import type { DecodedFrame } from './decode-frame.ts';
import { colourToRgb, paletteToRgb } from './render-colour.ts';
import { readStoredValues } from './stored-values.ts';
import type { DicomValues } from './values.ts';

/** A frame as it is shown: 8 bits a sample, pixel by pixel. */
export interface RenderedFrame {
  readonly width: number;
  readonly height: number;
  /** 1 for grey, 3 for red, green, blue. */
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
  /** A grey scale that was mapped to 8 bits, and how; null when values are shown as stored. */
  readonly mapping: string | null;
}

interface Window {
  readonly centre: number;
  readonly width: number;
  readonly shape: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';
}

/**
 * Maps stored values to what a display shows: rescale, window, polarity (DICOM PS3.3 C.11, PS3.4 N.2).
 *
 * Of several windows the first is used. Without one, 8-bit values are shown as they are, and deeper ones from
 * their smallest to their largest.
 */
export function renderFrame(frame: DecodedFrame, values: DicomValues): RenderedFrame {
  const { format } = frame;
  const { width, height } = format;
  if (format.samples === 3) {
    return { width, height, channels: 3, pixels: colourToRgb(frame), mapping: null };
  }
  if (format.photometric === 'PALETTE COLOR') {
    return { width, height, channels: 3, pixels: paletteToRgb(frame, values), mapping: null };
  }
  return renderGrey(frame, values);
}

function renderGrey(frame: DecodedFrame, values: DicomValues): RenderedFrame {
  const { width, height, bitsStored, signed, photometric } = frame.format;
  const stored = readStoredValues(frame);
  const slope = values.decimals(0x00281053)[0] ?? 1;
  const intercept = values.decimals(0x00281052)[0] ?? 0;
  if (slope === 0) throw new ImportFailure('dicom.pixel-format', 'The rescale slope is zero.');
  const window = readWindow(values);
  let map: (value: number) => number;
  let mapping: string | null;
  if (window !== null) {
    map = (value) => applyWindow(value, window);
    mapping = `window centre ${window.centre}, width ${window.width}`;
  } else if (bitsStored === 8 && !signed && slope === 1 && intercept === 0) {
    map = (value) => value;
    mapping = null;
  } else {
    const [low, high] = rangeOf(stored).map((value) => value * slope + intercept) as [number, number];
    const [minimum, maximum] = low <= high ? [low, high] : [high, low];
    const span = maximum - minimum;
    map = (value) => (span === 0 ? 0 : ((value - minimum) / span) * 255);
    mapping = `smallest value ${minimum} to largest ${maximum}`;
  }
  const inverse = (photometric === 'MONOCHROME1') !== (values.ascii(0x20500020) === 'INVERSE');
  const pixels = new Uint8Array(stored.length);
  const table = new Map<number, number>();
  for (let i = 0; i < stored.length; i++) {
    const value = stored[i]!;
    let shown = table.get(value);
    if (shown === undefined) {
      shown = Math.min(255, Math.max(0, Math.round(map(value * slope + intercept))));
      if (inverse) shown = 255 - shown;
      if (table.size < 65_536) table.set(value, shown);
    }
    pixels[i] = shown;
  }
  return { width, height, channels: 1, pixels, mapping };
}

function readWindow(values: DicomValues): Window | null {
  const centre = values.decimals(0x00281050)[0];
  const width = values.decimals(0x00281051)[0];
  if (centre === undefined || width === undefined || width <= 0) return null;
  const shape = values.ascii(0x00281056);
  return { centre, width, shape: shape === 'SIGMOID' || shape === 'LINEAR_EXACT' ? shape : 'LINEAR' };
}

/** @returns 0…255, unrounded */
function applyWindow(value: number, { centre, width, shape }: Window): number {
  if (shape === 'SIGMOID') return 255 / (1 + Math.exp((-4 * (value - centre)) / width));
  if (shape === 'LINEAR_EXACT') return ((value - centre) / width + 0.5) * 255;
  if (width === 1) return value <= centre - 0.5 ? 0 : 255;
  return ((value - (centre - 0.5)) / (width - 1) + 0.5) * 255;
}

function rangeOf(values: Int32Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
