import { cornersOf, type Outline, type Shape } from '../../electron/protocol/geometry/shapes.ts';
import type { PhotoBox } from './viewport-group.ts';

/** An outline as the path of an SVG, in pixels of the photograph. */
export function pathOf(outline: Outline): string {
  if (outline.kind === 'polygon') {
    return `${outline.points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`).join('')}Z`;
  }
  const { centre, radii, rotation } = outline;
  const [dx, dy] = [radii[0] * Math.cos(rotation), radii[0] * Math.sin(rotation)];
  const arc = `A${radii[0]} ${radii[1]} ${(rotation * 180) / Math.PI} 1 1`;
  const [from, to] = [`${centre[0] - dx} ${centre[1] - dy}`, `${centre[0] + dx} ${centre[1] + dy}`];
  return `M${from}${arc} ${to}${arc} ${from}Z`;
}

/** The smallest upright rectangle around shapes; null around none. */
export function boxOf(shapes: readonly Shape[]): PhotoBox | null {
  const points = shapes.flatMap((shape) => (shape.kind === 'point' ? [shape.at] : [...cornersOf(shape, 64)]));
  if (points.length === 0) return null;
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const least = (values: number[]) => values.reduce((a, b) => Math.min(a, b));
  const most = (values: number[]) => values.reduce((a, b) => Math.max(a, b));
  const [x, y] = [least(xs), least(ys)];
  return { x, y, width: most(xs) - x, height: most(ys) - y };
}

/** From pixels of the photograph to those of the frame, as SVG takes it. */
export function matrixOf(place: PhotoBox, size: { readonly width: number; readonly height: number }): string {
  return `matrix(${place.width / size.width} 0 0 ${place.height / size.height} ${place.x} ${place.y})`;
}
