import OpenSeadragon from 'openseadragon';
import type { PhotoBox } from './viewport-group.ts';

/** Moves that a drawing over the photograph asks of the viewer under it; none while nothing is shown. */
type Viewer = OpenSeadragon.Viewer | undefined;

export function zoomAt(viewer: Viewer, factor: number, x: number, y: number): void {
  if (viewer?.isOpen() !== true) return;
  const about = viewer.viewport.pointFromPixel(new OpenSeadragon.Point(x, y), true);
  viewer.viewport.zoomBy(factor, about).applyConstraints();
}

export function panBy(viewer: Viewer, dx: number, dy: number): void {
  if (viewer?.isOpen() !== true) return;
  viewer.viewport.panBy(viewer.viewport.deltaPointsFromPixels(new OpenSeadragon.Point(-dx, -dy)));
  viewer.viewport.applyConstraints();
}

/** Brings a part of the photograph into the middle, with as much again around it. */
export function showPart(viewer: Viewer, image: { readonly width: number }, part: PhotoBox): void {
  const item = viewer?.world.getItemAt(0);
  if (viewer === undefined || item === undefined) return;
  const bounds = item.getBounds(true);
  const unit = bounds.width / image.width;
  const side = Math.max(part.width, part.height, image.width / 12) * unit;
  const [x, y] = [bounds.x + (part.x + part.width / 2) * unit, bounds.y + (part.y + part.height / 2) * unit];
  viewer.viewport.fitBounds(new OpenSeadragon.Rect(x - side, y - side, 2 * side, 2 * side));
}
