import type { EllipseShape, Point, Shape } from '../../../electron/protocol/geometry/shapes.ts';

/** A handle that turns an ellipse lies on its first axis, this far out. */
const turnsAt = 1.35;
/** A contour with more corners was traced by hand, and is moved or drawn anew as a whole. */
const mostCorners = 60;
const turnHandle = 4;

/** Points of a shape that can be taken hold of: ends of the axes and the one that turns, or corners. */
export function handlesOf(shape: Shape): readonly Point[] {
  switch (shape.kind) {
    case 'point':
      return [];
    case 'polygon':
      return shape.points.length > mostCorners ? [] : shape.points;
    case 'ellipse':
      return [
        along(shape, 1, 0),
        along(shape, 0, 1),
        along(shape, -1, 0),
        along(shape, 0, -1),
        along(shape, turnsAt, 0),
      ];
  }
}

/** Moves one handle: a corner, the length of an axis on both sides of the centre, or the direction of an ellipse. */
export function moveHandle(shape: Shape, handle: number, to: Point): Shape {
  switch (shape.kind) {
    case 'point':
      return shape;
    case 'polygon':
      return { ...shape, points: shape.points.map((point, at) => (at === handle ? to : point)) };
    case 'ellipse': {
      const [dx, dy] = [to[0] - shape.centre[0], to[1] - shape.centre[1]];
      if (handle === turnHandle) {
        return dx === 0 && dy === 0 ? shape : { ...shape, rotation: Math.atan2(dy, dx) };
      }
      const [cos, sin] = [Math.cos(shape.rotation), Math.sin(shape.rotation)];
      const length = Math.max(0.5, Math.abs(handle % 2 === 0 ? dx * cos + dy * sin : dy * cos - dx * sin));
      return { ...shape, radii: handle % 2 === 0 ? [length, shape.radii[1]] : [shape.radii[0], length] };
    }
  }
}

export function moveShape(shape: Shape, dx: number, dy: number): Shape {
  const move = ([x, y]: Point): Point => [x + dx, y + dy];
  switch (shape.kind) {
    case 'point':
      return { ...shape, at: move(shape.at) };
    case 'polygon':
      return { ...shape, points: shape.points.map(move) };
    case 'ellipse':
      return { ...shape, centre: move(shape.centre) };
  }
}

/** Takes one corner of a contour away; null where it cannot go. */
export function withoutCorner(shape: Shape, corner: number): Shape | null {
  if (shape.kind !== 'polygon' || shape.points.length <= 3) return null;
  return { ...shape, points: shape.points.filter((_, at) => at !== corner) };
}

/** The ellipse in the rectangle between two corners; null where that has no width or height. */
export function ellipseBetween([ax, ay]: Point, [bx, by]: Point, isRound = false): EllipseShape | null {
  let [width, height] = [bx - ax, by - ay];
  if (isRound) {
    const side = Math.max(Math.abs(width), Math.abs(height));
    [width, height] = [width < 0 ? -side : side, height < 0 ? -side : side];
  }
  if (Math.abs(width) < 1 || Math.abs(height) < 1) return null;
  return {
    kind: 'ellipse',
    centre: [ax + width / 2, ay + height / 2],
    radii: [Math.abs(width) / 2, Math.abs(height) / 2],
    rotation: 0,
  };
}

function along({ centre, radii, rotation }: EllipseShape, u: number, v: number): Point {
  const [du, dv] = [radii[0] * u, radii[1] * v];
  return [
    centre[0] + du * Math.cos(rotation) - dv * Math.sin(rotation),
    centre[1] + du * Math.sin(rotation) + dv * Math.cos(rotation),
  ];
}
