import { ProtocolError } from '../protocol-error.ts';
import { setValue } from '../edit.ts';
import { roundToField, valueOf, type Protocol } from '../protocol.ts';
import { requireField, valueSetOf, type ProtocolSchema } from '../schema.ts';
import type { ProtocolMeasure } from '../schema-format.ts';
import { coveredArea, distanceTo, reachAlong } from './regions.ts';
import {
  areaOf,
  centreOf,
  checkOutline,
  circumferenceOf,
  heightOf,
  type Outline,
  type Point,
  type Shape,
} from './shapes.ts';

/** What was drawn on one photograph, in its pixels. */
export interface Drawings {
  readonly disc?: Outline;
  readonly cup?: Outline;
  readonly fovea?: Point;
  /** Lesion field id, such as `lesions.hard-exudates` → everything drawn of it. */
  readonly lesions?: Readonly<Record<string, readonly Shape[]>>;
  /** Field of view; without it no share of the field is measured. */
  readonly field?: Outline;
  /** Which eye; without it nasal and temporal are not told apart. */
  readonly eye?: 'OD' | 'OS';
  /** Nominal scale of the camera; without it no millimetres are measured. */
  readonly millimetresPerPixel?: number;
}

/** Diameter of the circle with the disc's area, px: the unit "disc diameter" (DD). */
export function discDiameter(disc: Outline): number {
  return 2 * Math.sqrt(areaOf(disc) / Math.PI);
}

/**
 * Mean width of the neuroretinal rim in a quadrant of 90°, in disc diameters.
 *
 * Rays leave the disc's centre every degree; on each, the width is what lies between the farthest point of the cup and
 * that of the disc.
 *
 * @param towards direction of the middle of the quadrant, radians from x towards y (down is π/2)
 */
export function rimWidth(disc: Outline, cup: Outline, towards: number): number {
  const centre = centreOf(disc);
  const widths = Array.from({ length: 91 }, (_, degree) => {
    const angle = towards + ((degree - 45) * Math.PI) / 180;
    return Math.max(0, reachAlong(disc, centre, angle) - reachAlong(cup, centre, angle));
  });
  return widths.reduce((sum, width) => sum + width, 0) / widths.length / discDiameter(disc);
}

/**
 * Measures what the drawings allow, for every field of the schema that says how it is measured.
 *
 * Vertical cup/disc ratio: the cup's height over the disc's. Shares of the field: what lies inside the field of view,
 * overlapping lesions counted once. Distances: from the fovea to the nearest point of a lesion, in disc diameters.
 * What has no drawing is left out, never 0.
 *
 * @returns field id → number, rounded to the field's decimals
 * @throws ProtocolError for an outline that cannot be measured, or a cup that is not within the disc
 */
export function measureDrawings(schema: ProtocolSchema, drawings: Drawings): Map<string, number> {
  checkDrawings(drawings);
  const measured = new Map<string, number>();
  for (const field of schema.fields.values()) {
    const value = field.measure && measure(field.measure, drawings);
    if (value !== undefined && value !== null) measured.set(field.id, roundToField(schema, field.id, value));
  }
  return measured;
}

/**
 * Enters what {@link measureDrawings} measures, with the source `measured`.
 *
 * With `keepManual`, a number that a person entered stays, whatever the drawing says.
 *
 * A lesion that was drawn is there: where its count was not assessed, it becomes "present, number not stated".
 *
 * @throws ProtocolError as {@link measureDrawings}, or when the protocol says that a drawn lesion is absent
 */
export function enterMeasurements(
  schema: ProtocolSchema,
  protocol: Protocol,
  drawings: Drawings,
  { keepManual = false }: { readonly keepManual?: boolean } = {},
): Protocol {
  const measured = measureDrawings(schema, drawings);
  let edited = protocol;
  for (const [id, shapes] of Object.entries(drawings.lesions ?? {})) {
    const seen = valueSetOf(schema, requireField(schema, id))?.unquantified;
    if (shapes.length > 0 && seen !== undefined && valueOf(edited, id) === null) {
      edited = setValue(schema, edited, id, seen, { source: 'measured' });
    }
  }
  for (const [id, value] of measured) {
    const entry = edited.values[id];
    if (keepManual && entry?.source === 'manual' && entry.value !== null) continue;
    edited = setValue(schema, edited, id, value, { source: 'measured' });
  }
  return edited;
}

function checkDrawings({ disc, cup, field, lesions }: Drawings): void {
  if (disc) checkOutline(disc, 'optic disc');
  if (cup) checkOutline(cup, 'cup');
  if (field) checkOutline(field, 'field of view');
  for (const [id, shapes] of Object.entries(lesions ?? {})) {
    for (const shape of shapes) if (shape.kind !== 'point') checkOutline(shape, `lesion ${id}`);
  }
  if (disc === undefined || cup === undefined) return;
  const outside = areaOf(cup) - coveredArea([cup], disc);
  if (outside <= 0.02 * areaOf(cup)) return;
  throw new ProtocolError('The cup reaches out of the optic disc.', {
    expected: 'a cup within the disc',
    found: `${((100 * outside) / areaOf(cup)).toFixed(0)} % of the cup outside it`,
    advice: 'Correct the outline of the cup or of the disc.',
  });
}

function measure(what: ProtocolMeasure, drawings: Drawings): number | null {
  const { disc, cup } = drawings;
  switch (what.of) {
    case 'disc':
      return disc === undefined ? null : measureDisc(what.what, disc, drawings);
    case 'cup-disc':
      return disc === undefined || cup === undefined ? null : Math.min(1, heightOf(cup) / heightOf(disc));
    case 'rim': {
      const towards = directionOf(what.what, drawings.eye);
      return disc === undefined || cup === undefined || towards === null
        ? null
        : rimWidth(disc, cup, towards);
    }
    case 'lesion':
      return measureLesion(what.what, drawings.lesions?.[what.lesion] ?? [], drawings);
  }
}

function measureDisc(
  what: Extract<ProtocolMeasure, { of: 'disc' }>['what'],
  disc: Outline,
  { field, millimetresPerPixel: scale }: Drawings,
): number | null {
  switch (what) {
    case 'circumference':
      return circumferenceOf(disc);
    case 'area':
      return areaOf(disc);
    case 'circumference-percent':
      return field === undefined ? null : (100 * circumferenceOf(disc)) / circumferenceOf(field);
    case 'area-percent':
      return field === undefined ? null : (100 * areaOf(disc)) / areaOf(field);
    case 'circumference-mm':
      return scale === undefined ? null : circumferenceOf(disc) * scale;
    case 'area-mm':
      return scale === undefined ? null : areaOf(disc) * scale ** 2;
  }
}

function measureLesion(
  what: 'area-percent' | 'fovea-distance',
  shapes: readonly Shape[],
  { field, fovea, disc }: Drawings,
): number | null {
  if (shapes.length === 0) return null;
  if (what === 'fovea-distance') {
    if (fovea === undefined || disc === undefined) return null;
    const nearest = shapes.reduce((least, shape) => Math.min(least, distanceTo(shape, fovea)), Infinity);
    return nearest / discDiameter(disc);
  }
  const outlines = shapes.filter((shape) => shape.kind !== 'point');
  if (field === undefined || outlines.length === 0) return null;
  return (100 * coveredArea(outlines, field)) / areaOf(field);
}

/** Seen from the front, the nose is to the right of a right eye's disc and to the left of a left eye's. */
function directionOf(
  quadrant: Extract<ProtocolMeasure, { of: 'rim' }>['what'],
  eye: 'OD' | 'OS' | undefined,
): number | null {
  if (quadrant === 'inferior') return Math.PI / 2;
  if (quadrant === 'superior') return -Math.PI / 2;
  if (eye === undefined) return null;
  return (quadrant === 'nasal') === (eye === 'OD') ? 0 : Math.PI;
}
