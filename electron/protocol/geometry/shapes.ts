import { ProtocolError } from '../protocol-error.ts';

/** Pixels of the photograph, x to the right, y down. */
export type Point = readonly [x: number, y: number];

export interface PointShape {
  readonly kind: 'point';
  readonly at: Point;
}
export interface EllipseShape {
  readonly kind: 'ellipse';
  readonly centre: Point;
  /** Half axes, px. */
  readonly radii: readonly [number, number];
  /** Of the first axis from x towards y, radians. */
  readonly rotation: number;
}
export interface PolygonShape {
  readonly kind: 'polygon';
  /** Corners in order; the last is joined to the first. */
  readonly points: readonly Point[];
}

/** A closed outline. */
export type Outline = EllipseShape | PolygonShape;
/** Anything that can be drawn on a photograph. */
export type Shape = PointShape | Outline;

/** A circle. */
export function circle(centre: Point, radius: number): EllipseShape {
  return { kind: 'ellipse', centre, radii: [radius, radius], rotation: 0 };
}

/**
 * Checks an outline before anything is measured on it.
 *
 * @param name what was drawn, for the message: "optic disc"
 * @throws ProtocolError for coordinates that are no numbers, fewer than three corners, no area, or a
 *   contour that crosses itself
 */
export function checkOutline(outline: Outline, name: string): void {
  const fail = (expected: string, found: string) => {
    throw new ProtocolError(`The drawing of the ${name} cannot be measured.`, {
      expected,
      found,
      advice: `Draw the ${name} again, or move its corners.`,
    });
  };
  const numbers =
    outline.kind === 'ellipse'
      ? [...outline.centre, ...outline.radii, outline.rotation]
      : outline.points.flat();
  if (!numbers.every(Number.isFinite)) fail('coordinates that are numbers', numbers.join(', '));
  if (outline.kind === 'ellipse') {
    if (!outline.radii.every((radius) => radius > 0)) fail('an ellipse with area', outline.radii.join(' × '));
    return;
  }
  const corners = withoutRepeats(outline.points);
  if (corners.length < 3) fail('a contour of at least three corners', `${corners.length}`);
  const crossing = findCrossing(corners);
  if (crossing !== null) {
    fail(
      'a contour that does not cross itself',
      `a crossing near x ${crossing[0].toFixed(1)}, y ${crossing[1].toFixed(1)}`,
    );
  }
  if (areaOf({ kind: 'polygon', points: corners }) === 0) fail('a contour with area', 'corners on one line');
}

/** Corners without those that repeat the one before: hands hold still, and viewers close the contour themselves. */
function withoutRepeats(points: readonly Point[]): Point[] {
  return points.filter(([x, y], at) => {
    const [px, py] = points.at(at - 1)!;
    return x !== px || y !== py || points.length === 1;
  });
}

/** Where two edges that are not neighbours meet; null for a simple contour. */
function findCrossing(points: readonly Point[]): Point | null {
  const n = points.length;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const a = [points[i]!, points[(i + 1) % n]!] as const;
      const b = [points[j]!, points[(j + 1) % n]!] as const;
      const isNext = j === i + 1;
      const isLast = (j + 1) % n === i;
      if (isNext || isLast) {
        const [tip, from, to] = isNext ? [a[1], a[0], b[1]] : [a[0], a[1], b[0]];
        if (turnsBack(tip, from, to)) return tip;
      } else {
        const at = meet(a, b);
        if (at !== null) return at;
      }
    }
  }
  return null;
}

/** Says whether two edges from one corner run over each other. */
function turnsBack(tip: Point, from: Point, to: Point): boolean {
  const u = [from[0] - tip[0], from[1] - tip[1]] as const;
  const v = [to[0] - tip[0], to[1] - tip[1]] as const;
  return u[0] * v[1] - u[1] * v[0] === 0 && u[0] * v[0] + u[1] * v[1] > 0;
}

type Edge = readonly [Point, Point];

function meet([p, q]: Edge, [r, s]: Edge): Point | null {
  const d = [q[0] - p[0], q[1] - p[1]] as const;
  const e = [s[0] - r[0], s[1] - r[1]] as const;
  const o = [r[0] - p[0], r[1] - p[1]] as const;
  const cross = d[0] * e[1] - d[1] * e[0];
  if (cross === 0) {
    if (d[0] * o[1] - d[1] * o[0] !== 0) return null;
    const lies = ([x, y]: Point, [a, b]: Edge) =>
      x >= Math.min(a[0], b[0]) &&
      x <= Math.max(a[0], b[0]) &&
      y >= Math.min(a[1], b[1]) &&
      y <= Math.max(a[1], b[1]);
    return lies(r, [p, q]) ? r : lies(s, [p, q]) ? s : lies(p, [r, s]) ? p : null;
  }
  const t = (o[0] * e[1] - o[1] * e[0]) / cross;
  const u = (o[0] * d[1] - o[1] * d[0]) / cross;
  return t >= 0 && t <= 1 && u >= 0 && u <= 1 ? [p[0] + t * d[0], p[1] + t * d[1]] : null;
}

/** Area, px². */
export function areaOf(outline: Outline): number {
  if (outline.kind === 'ellipse') return Math.PI * outline.radii[0] * outline.radii[1];
  const { points } = outline;
  const twice = points.reduce((sum, [x, y], at) => {
    const [nx, ny] = points[(at + 1) % points.length]!;
    return sum + x * ny - nx * y;
  }, 0);
  return Math.abs(twice) / 2;
}

/**
 * Length of the outline, px; of an ellipse by Ramanujan's second formula (relative error below 1e-6 where the longer axis
 * is up to three times the shorter).
 */
export function circumferenceOf(outline: Outline): number {
  if (outline.kind === 'ellipse') {
    const [a, b] = outline.radii;
    const h = ((a - b) / (a + b)) ** 2;
    return Math.PI * (a + b) * (1 + (3 * h) / (10 + Math.sqrt(4 - 3 * h)));
  }
  const { points } = outline;
  return points.reduce((sum, [x, y], at) => {
    const [nx, ny] = points[(at + 1) % points.length]!;
    return sum + Math.hypot(nx - x, ny - y);
  }, 0);
}

/** Height of the outline along y, px. */
export function heightOf(outline: Outline): number {
  if (outline.kind === 'ellipse') {
    const [a, b] = outline.radii;
    return 2 * Math.hypot(a * Math.sin(outline.rotation), b * Math.cos(outline.rotation));
  }
  const ys = outline.points.map(([, y]) => y);
  return Math.max(...ys) - Math.min(...ys);
}

/** Width of the outline along x, px. */
export function widthOf(outline: Outline): number {
  if (outline.kind === 'ellipse') {
    const [a, b] = outline.radii;
    return 2 * Math.hypot(a * Math.cos(outline.rotation), b * Math.sin(outline.rotation));
  }
  const xs = outline.points.map(([x]) => x);
  return Math.max(...xs) - Math.min(...xs);
}

/** Centre of mass. */
export function centreOf(outline: Outline): Point {
  if (outline.kind === 'ellipse') return outline.centre;
  const { points } = outline;
  const [ox, oy] = points[0]!;
  let twice = 0;
  let sx = 0;
  let sy = 0;
  points.forEach(([x, y], at) => {
    const [nx, ny] = points[(at + 1) % points.length]!;
    const cross = (x - ox) * (ny - oy) - (nx - ox) * (y - oy);
    twice += cross;
    sx += (x + nx - 2 * ox) * cross;
    sy += (y + ny - 2 * oy) * cross;
  });
  return [ox + sx / (3 * twice), oy + sy / (3 * twice)];
}

/** Corners of an outline; an ellipse gets `count` of them, on the curve. */
export function cornersOf(outline: Outline, count = 256): readonly Point[] {
  if (outline.kind === 'polygon') return outline.points;
  const { centre, radii, rotation } = outline;
  const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
  return Array.from({ length: count }, (_, at) => {
    const angle = (2 * Math.PI * at) / count;
    const [u, v] = [radii[0] * Math.cos(angle), radii[1] * Math.sin(angle)];
    return [centre[0] + u * cos - v * sin, centre[1] + u * sin + v * cos] as const;
  });
}
