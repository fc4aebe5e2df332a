import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import schemaFile from '../../../resources/protocols/fundus.json' with { type: 'json' };
import { setValue } from '../edit.ts';
import { createProtocol } from '../protocol.ts';
import { readProtocolSchema } from '../schema.ts';
import { discDiameter, enterMeasurements, measureDrawings, rimWidth } from './measure.ts';
import { coveredArea, distanceTo, holds } from './regions.ts';
import {
  areaOf,
  centreOf,
  checkOutline,
  circle,
  circumferenceOf,
  cornersOf,
  heightOf,
  type Outline,
  type PolygonShape,
} from './shapes.ts';

const schema = readProtocolSchema(schemaFile);
const polygon = (...points: [number, number][]): PolygonShape => ({ kind: 'polygon', points });
const square = (x: number, y: number, side: number) =>
  polygon([x, y], [x + side, y], [x + side, y + side], [x, y + side]);

describe('shapes', () => {
  it('measures a polygon and an ellipse', () => {
    const triangle = polygon([0, 0], [4, 0], [0, 3]);
    expect([areaOf(triangle), circumferenceOf(triangle), heightOf(triangle)]).toEqual([6, 12, 3]);
    expect(centreOf(triangle)[0]).toBeCloseTo(4 / 3, 12);
    const ellipse: Outline = { kind: 'ellipse', centre: [5, 5], radii: [3, 1], rotation: Math.PI / 6 };
    expect(areaOf(ellipse)).toBeCloseTo(3 * Math.PI, 12);
    // Complete elliptic integral: 4·3·E(√8/3) = 13.364893220555258.
    expect(circumferenceOf(ellipse)).toBeCloseTo(13.364893220555258, 4);
    expect(heightOf(ellipse)).toBeCloseTo(2 * Math.sqrt(9 / 4 + 3 / 4), 12);
  });

  it.each<[string, PolygonShape, RegExp]>([
    ['an eight', polygon([0, 0], [10, 10], [10, 0], [0, 10]), /does not cross itself.*x 5\.0, y 5\.0/s],
    ['a spike that turns back', polygon([0, 0], [10, 0], [5, 0], [5, 5]), /does not cross itself/],
    ['two corners', polygon([0, 0], [10, 0], [10, 0]), /at least three corners.*2/s],
    ['a point that is no number', polygon([0, 0], [Number.NaN, 0], [1, 1]), /coordinates that are numbers/],
  ])('refuses %s', (_, outline, message) => {
    expect(() => checkOutline(outline, 'optic disc')).toThrow(message);
  });

  it('accepts a contour that a viewer closed itself', () => {
    expect(() => checkOutline(polygon([0, 0], [4, 0], [4, 4], [4, 4], [0, 0]), 'cup')).not.toThrow();
  });
});

describe('coveredArea', () => {
  it('counts an overlap once, and nothing outside the field', () => {
    expect(coveredArea([square(0, 0, 10), square(5, 5, 10)], null)).toBeCloseTo(175, 9);
    expect(coveredArea([square(-5, -5, 10)], square(0, 0, 100))).toBeCloseTo(25, 9);
    expect(coveredArea([circle([50, 50], 20)], circle([50, 50], 10))).toBeCloseTo(Math.PI * 100, 0);
  });

  it('is the area of a single outline', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.double({ min: 2, max: 40, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
          {
            minLength: 5,
            maxLength: 20,
          },
        ),
        (rays) => {
          // A star around a centre never crosses itself.
          const points = rays.map(([radius, nudge], at) => {
            const angle = (2 * Math.PI * (at + 0.9 * nudge)) / rays.length;
            return [50 + radius * Math.cos(angle), 50 + radius * Math.sin(angle)] as const;
          });
          const star: PolygonShape = { kind: 'polygon', points };
          expect(() => checkOutline(star, 'star')).not.toThrow();
          expect(Math.abs(coveredArea([star], null) - areaOf(star))).toBeLessThan(0.01 * areaOf(star) + 1);
        },
      ),
    );
  });
});

describe('distances', () => {
  it('are 0 inside and to the nearest edge outside', () => {
    expect(distanceTo(square(0, 0, 10), [5, 5])).toBe(0);
    expect(distanceTo(square(0, 0, 10), [13, 14])).toBe(5);
    expect(distanceTo(circle([0, 0], 10), [20, 0])).toBeCloseTo(10, 9);
    expect(distanceTo({ kind: 'point', at: [3, 4] }, [0, 0])).toBe(5);
    expect(holds(circle([0, 0], 10), [9, 9])).toBe(false);
  });
});

describe('measureDrawings', () => {
  const disc = circle([300, 200], 50);
  const cup = circle([300, 205], 20);
  const field = circle([400, 300], 400);

  it('measures what there is, and nothing else', () => {
    const values = measureDrawings(schema, { disc });
    expect([...values.keys()]).toEqual(['disc.circumference', 'disc.area']);
    expect(values.get('disc.circumference')).toBe(314);
    expect(values.get('disc.area')).toBe(7854);
  });

  it('measures ratio, shares, rim and distances', () => {
    const lesions = { 'lesions.hard-exudates': [square(500, 300, 20), square(510, 310, 20)] };
    const values = measureDrawings(schema, {
      disc,
      cup,
      field,
      fovea: [600, 310],
      lesions,
      eye: 'OS',
      millimetresPerPixel: 0.018,
    });
    expect(values.get('disc.cup-disc-ratio')).toBe(0.4);
    expect(values.get('disc.area-percent')).toBe(1.56);
    expect(values.get('disc.circumference-mm')).toBe(5.65);
    expect(values.get('lesions.hard-exudates-area')).toBeCloseTo((100 * 700) / (Math.PI * 160000), 3);
    expect(values.get('lesions.hard-exudates-distance')).toBe(0.7);
    // The cup lies low: the rim is thinner below.
    expect(values.get('disc.rim-width-inferior')).toBeLessThan(values.get('disc.rim-width-superior')!);
  });

  it('is 0.3 disc diameters of rim where disc and cup are concentric', () => {
    expect(rimWidth(disc, circle([300, 200], 20), 0)).toBeCloseTo(0.3, 5);
    const asPolygon: Outline = { kind: 'polygon', points: cornersOf(disc, 720) };
    expect(rimWidth(asPolygon, circle([300, 200], 20), 1)).toBeCloseTo(0.3, 4);
    expect(discDiameter(disc)).toBeCloseTo(100, 9);
  });

  it('tells nasal and temporal apart by the eye, and not at all without it', () => {
    const shifted = circle([310, 200], 20);
    const [od, os] = (['OD', 'OS'] as const).map((eye) =>
      measureDrawings(schema, { disc, cup: shifted, eye }),
    );
    expect(od!.get('disc.rim-width-nasal')).toBe(os!.get('disc.rim-width-temporal'));
    expect(od!.get('disc.rim-width-nasal')).toBeLessThan(od!.get('disc.rim-width-temporal')!);
    expect(measureDrawings(schema, { disc, cup: shifted }).has('disc.rim-width-nasal')).toBe(false);
  });

  it('refuses a cup outside the disc', () => {
    expect(() => measureDrawings(schema, { disc, cup: circle([345, 200], 20) })).toThrow(
      /cup within the disc/,
    );
  });

  it('enters measured values, and a drawn lesion as seen', () => {
    const drawings = {
      disc,
      field,
      fovea: [600, 310] as const,
      lesions: { 'lesions.hard-exudates': [circle([500, 300], 9)] },
    };
    const entered = enterMeasurements(schema, createProtocol(schema), drawings);
    expect(entered.values['lesions.hard-exudates']).toEqual({
      value: 'present',
      source: 'measured',
      certainty: null,
    });
    expect(entered.values['lesions.hard-exudates-area']?.source).toBe('measured');
    const few = setValue(schema, createProtocol(schema), 'lesions.hard-exudates', 'few');
    expect(enterMeasurements(schema, few, drawings).values['lesions.hard-exudates']?.source).toBe('manual');
    const none = setValue(schema, createProtocol(schema), 'lesions.hard-exudates', 'none');
    expect(() => enterMeasurements(schema, none, drawings)).toThrow(/few or many or present.*none/s);
  });
});
