import type { Ref } from 'vue';
import { plainAdjustment } from './image-adjustment.ts';
import type { ImageAdjustment } from './image-adjustment.ts';
import { useReading } from '../reading/reading-store.ts';
import { useShortcuts } from '../ui/use-shortcuts.ts';

export interface PhotoActions {
  readonly adjustment: Ref<ImageAdjustment>;
  readonly zoomBy: (factor: number) => void;
  readonly goHome: () => void;
  /** Reads the patch that lies so many columns and rows from the present one; left out where nothing lies over the photograph. */
  readonly moveCell?: (columns: number, rows: number) => void;
}

/** What keys do to photographs, the same in every view that shows one. */
export function usePhotoShortcuts({ adjustment, zoomBy, goHome, moveCell }: PhotoActions): void {
  const reading = useReading();
  const change = (part: Partial<ImageAdjustment>) => (adjustment.value = { ...adjustment.value, ...part });
  const fade = (by: number) =>
    (reading.opacity = Math.min(1, Math.max(0, Math.round((reading.opacity + by) * 20) / 20)));
  useShortcuts({
    i: () => change({ invert: !adjustment.value.invert }),
    g: () => change({ channel: adjustment.value.channel === 'green' ? 'all' : 'green' }),
    k: () => change({ equalize: !adjustment.value.equalize }),
    r: () => {
      adjustment.value = plainAdjustment();
      goHome();
    },
    '+': () => zoomBy(1.4),
    '=': () => zoomBy(1.4),
    '-': () => zoomBy(1 / 1.4),
  });
  // Keys of an overlay that is not there would take those of the view around the photograph.
  if (moveCell === undefined) return;
  useShortcuts({
    o: () => (reading.overlayMode = reading.overlayMode === 'off' ? 'concept' : 'off'),
    '[': () => fade(-0.1),
    ']': () => fade(0.1),
    'alt+arrowleft': () => moveCell(-1, 0),
    'alt+arrowright': () => moveCell(1, 0),
    'alt+arrowup': () => moveCell(0, -1),
    'alt+arrowdown': () => moveCell(0, 1),
  });
}
