import { expect, test } from 'vitest';
import { diceOf, drawnSizes } from './sizes.ts';
import { circle, type EllipseShape } from './shapes.ts';

const disc: EllipseShape = { kind: 'ellipse', centre: [200, 150], radii: [50, 60], rotation: 0 };
const cup: EllipseShape = { kind: 'ellipse', centre: [200, 150], radii: [20, 30], rotation: 0 };

test('sizes of a known disc and cup are the analytic ones', () => {
  const sizes = drawnSizes({ disc, cup, fovea: [500, 150] });
  expect(sizes.disc).toMatchObject({ width: 100, height: 120 });
  expect(sizes.disc!.area).toBeCloseTo(Math.PI * 50 * 60, 9);
  // The perimeter by quadrature of √(a² sin² + b² cos²).
  const steps = 100_000;
  const perimeter = Array.from({ length: steps }, (_, at) => {
    const angle = (2 * Math.PI * at) / steps;
    return Math.hypot(50 * Math.sin(angle), 60 * Math.cos(angle));
  }).reduce((sum, length) => sum + (length * 2 * Math.PI) / steps, 0);
  expect(sizes.disc!.circumference).toBeCloseTo(perimeter, 5);
  expect(sizes.cupDisc!.vertical).toBeCloseTo(0.5, 12);
  expect(sizes.cupDisc!.horizontal).toBeCloseTo(0.4, 12);
  expect(sizes.cupDisc!.area).toBeCloseTo(0.2, 12);
  expect(sizes.rim!.area).toBeCloseTo(Math.PI * (3000 - 600), 9);
  expect(sizes.rim!.widths.left).toBeCloseTo(sizes.rim!.widths.right, 9);
  expect(sizes.discToFovea!.px).toBe(300);
  expect(sizes.discToFovea!.discDiameters).toBeCloseTo(300 / (2 * Math.sqrt(3000)), 12);
});

test('turning the photograph by a quarter changes horizontal and vertical', () => {
  const turn = (shape: EllipseShape) => ({ ...shape, rotation: Math.PI / 2 });
  const { cupDisc } = drawnSizes({ disc: turn(disc), cup: turn(cup) });
  expect(cupDisc!.vertical).toBeCloseTo(0.4, 12);
  expect(cupDisc!.horizontal).toBeCloseTo(0.5, 12);
});

test('what is not drawn is not measured', () => {
  expect(drawnSizes({})).toEqual({
    disc: null,
    cup: null,
    discDiameter: null,
    cupDisc: null,
    rim: null,
    discToFovea: null,
  });
});

test('two drawings agree by what they share', () => {
  expect(diceOf([circle([50, 50], 20)], [circle([50, 50], 20)])).toBeCloseTo(1, 6);
  expect(diceOf([circle([50, 50], 20)], [circle([150, 50], 20)])).toBe(0);
  const square = (x: number) =>
    ({
      kind: 'polygon',
      points: [
        [x, 0],
        [x + 10, 0],
        [x + 10, 10],
        [x, 10],
      ],
    }) as const;
  expect(diceOf([square(0)], [square(5)])).toBeCloseTo(0.5, 9);
});
