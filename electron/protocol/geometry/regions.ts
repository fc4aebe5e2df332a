import { cornersOf, type EllipseShape, type Outline, type Point, type Shape } from './shapes.ts';

/** Lines a pixel row is cut into: borders are exact along x, and along y to a fraction of a line. */
const linesPerPixel = 4;

/**
 * Area that outlines cover together, each part counted once, and only inside the field of view.
 *
 * Exact along x; along y the midpoint rule with a quarter of a pixel.
 *
 * @param outlines simple outlines that may overlap
 * @param field    field of view; null for the whole plane
 * @returns px²
 */
export function coveredArea(outlines: readonly Outline[], field: Outline | null): number {
  if (outlines.length === 0) return 0;
  const polygons = outlines.map((outline) => cornersOf(outline));
  const clip = field === null ? null : cornersOf(field);
  const ys = polygons.flat().map(([, y]) => y);
  const bottom = ys.reduce((a, b) => Math.max(a, b));
  const step = 1 / linesPerPixel;
  let area = 0;
  const top = Math.floor(ys.reduce((a, b) => Math.min(a, b)));
  for (let line = 0; top + line * step < bottom; line++) {
    const y = top + (line + 0.5) * step;
    const covered = unite(polygons.flatMap((points) => cutsAt(points, y)));
    area += lengthOf(clip === null ? covered : intersect(covered, cutsAt(clip, y))) * step;
  }
  return area;
}

/** Distance from a point to the nearest part of a shape, px; 0 inside it. */
export function distanceTo(shape: Shape, from: Point): number {
  if (shape.kind === 'point') return Math.hypot(shape.at[0] - from[0], shape.at[1] - from[1]);
  const points = cornersOf(shape);
  if (isInside(points, from)) return 0;
  return points.reduce(
    (nearest, point, at) => Math.min(nearest, distanceToEdge(point, points[(at + 1) % points.length]!, from)),
    Infinity,
  );
}

/** Says whether an outline holds a point. */
export function holds(outline: Outline, point: Point): boolean {
  return isInside(cornersOf(outline), point);
}

/**
 * Distance from a point to where a ray from it leaves the outline for the last time, px; 0 when it never meets it.
 *
 * @param angle direction from x towards y, radians
 */
export function reachAlong(outline: Outline, from: Point, angle: number): number {
  if (outline.kind === 'ellipse') return reachAlongEllipse(outline, from, angle);
  const { points } = outline;
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  return points.reduce((farthest, [px, py], at) => {
    const [qx, qy] = points[(at + 1) % points.length]!;
    const [ex, ey] = [qx - px, qy - py];
    const cross = dx * ey - dy * ex;
    if (cross === 0) return farthest;
    const [ox, oy] = [px - from[0], py - from[1]];
    const along = (ox * ey - oy * ex) / cross;
    const onEdge = (ox * dy - oy * dx) / cross;
    return onEdge >= 0 && onEdge <= 1 ? Math.max(farthest, along) : farthest;
  }, 0);
}

/** In the frame where the ellipse is the unit circle, the ray meets it where |o + t·d| = 1. */
function reachAlongEllipse({ centre, radii, rotation }: EllipseShape, from: Point, angle: number): number {
  const toFrame = (x: number, y: number) => [
    (x * Math.cos(rotation) + y * Math.sin(rotation)) / radii[0],
    (y * Math.cos(rotation) - x * Math.sin(rotation)) / radii[1],
  ];
  const [ox, oy] = toFrame(from[0] - centre[0], from[1] - centre[1]) as [number, number];
  const [dx, dy] = toFrame(Math.cos(angle), Math.sin(angle)) as [number, number];
  const [a, b, c] = [dx * dx + dy * dy, ox * dx + oy * dy, ox * ox + oy * oy - 1];
  const root = b * b - a * c;
  return root < 0 ? 0 : Math.max(0, (Math.sqrt(root) - b) / a);
}

type Interval = readonly [number, number];

/** The intervals of a line y = const inside a polygon, in order. */
function cutsAt(points: readonly Point[], y: number): Interval[] {
  const xs: number[] = [];
  points.forEach(([px, py], at) => {
    const [qx, qy] = points[(at + 1) % points.length]!;
    if (py <= y !== qy <= y) xs.push(px + ((y - py) / (qy - py)) * (qx - px));
  });
  xs.sort((a, b) => a - b);
  return xs.flatMap((x, at) => (at % 2 === 0 ? [[x, xs[at + 1]!] as const] : []));
}

function unite(intervals: readonly Interval[]): Interval[] {
  const united: [number, number][] = [];
  for (const [from, to] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const last = united.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else united.push([from, to]);
  }
  return united;
}

function intersect(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  return a.flatMap(([from, to]) =>
    b.flatMap(([start, end]) => {
      const cut = [Math.max(from, start), Math.min(to, end)] as const;
      return cut[0] < cut[1] ? [cut] : [];
    }),
  );
}

function lengthOf(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [from, to]) => sum + to - from, 0);
}

function isInside(points: readonly Point[], [x, y]: Point): boolean {
  return cutsAt(points, y).some(([from, to]) => x >= from && x <= to);
}

function distanceToEdge([ax, ay]: Point, [bx, by]: Point, [x, y]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const at = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - at * dx, y - ay - at * dy);
}
