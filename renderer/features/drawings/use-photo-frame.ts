import { ref, shallowRef, useTemplateRef } from 'vue';
import type { Point } from '../../../electron/protocol/geometry/shapes.ts';
import type { DrawableHandle, PhotoBox } from '../../viewer/viewport-group.ts';

/** What of the photograph is seen in its frame, the element with the reference `photo-frame`. */
export function usePhotoFrame(size: () => { readonly width: number; readonly height: number }) {
  const viewer = ref<DrawableHandle>();
  const frame = useTemplateRef<HTMLElement>('photo-frame');
  const place = shallowRef<PhotoBox | null>(null);

  /** Frame and photograph, once both are there. */
  function seen() {
    const box = frame.value?.getBoundingClientRect();
    return box === undefined || place.value === null ? null : { box, at: place.value };
  }

  /** The pixel of the photograph in the middle of what is seen. */
  function middle(): Point {
    const now = seen();
    if (now === null) return [0, 0];
    const { width, height } = size();
    const clamp = (value: number, most: number) => Math.round(Math.min(most, Math.max(0, value)));
    return [
      clamp(((now.box.width / 2 - now.at.x) / now.at.width) * width, width),
      clamp(((now.box.height / 2 - now.at.y) / now.at.height) * height, height),
    ];
  }

  /** Keeps what the keys move in view. */
  function follow([x, y]: Point): void {
    const now = seen();
    if (now === null || isInView({ x, y, width: 0, height: 0 })) return;
    const left = now.at.x + (x / size().width) * now.at.width;
    const top = now.at.y + (y / size().height) * now.at.height;
    viewer.value?.panBy(now.box.width / 2 - left, now.box.height / 2 - top);
  }

  function isInView(part: PhotoBox): boolean {
    const now = seen();
    if (now === null) return true;
    const unit = now.at.width / size().width;
    const [left, top] = [now.at.x + part.x * unit, now.at.y + part.y * unit];
    return (
      left >= 0 &&
      top >= 0 &&
      left + part.width * unit <= now.box.width &&
      top + part.height * unit <= now.box.height
    );
  }

  return { viewer, place, middle, follow, isInView };
}
