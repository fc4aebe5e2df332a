import { computed, shallowRef, watchEffect } from 'vue';
import type { ShallowRef } from 'vue';
import type { LensTrace } from '../../electron/engine/lens-trace/lens-trace.ts';
import { imageLayout } from '../reading/reading.ts';
import { buildOverlay } from '../../electron/engine/lens-trace/overlay/overlay-series.ts';
import type { OverlaySeries } from '../../electron/engine/lens-trace/overlay/overlay-series.ts';
import type { OverlayFrame } from './overlay-painter.ts';
import { useReading } from '../reading/reading-store.ts';

export interface OverlayView {
  readonly layerIndex: number;
  readonly positionIndex: number;
  readonly conceptIds: readonly string[];
  readonly reveal: number;
}

/** The overlay of a trace for what is looked at now; prepared anew only when the quantity changes. */
export function useOverlay(trace: ShallowRef<LensTrace | null>, view: () => OverlayView) {
  const reading = useReading();
  const layout = computed(() => (trace.value === null ? null : imageLayout(trace.value)));
  const series = shallowRef<OverlaySeries | null>(null);
  const conceptIndex = computed(() =>
    trace.value === null ? 0 : reading.overlayConcept(trace.value, view().conceptIds),
  );

  watchEffect(() => {
    const { overlayMode, overlayLogarithmic } = reading;
    if (trace.value === null || layout.value === null || overlayMode === 'off') {
      series.value = null;
      return;
    }
    series.value = buildOverlay(trace.value, layout.value, {
      mode: overlayMode,
      conceptIndex: conceptIndex.value,
      logarithmic: overlayLogarithmic,
    });
  });

  const frame = computed<OverlayFrame | null>(() => {
    if (series.value === null) return null;
    const { layerIndex, reveal } = view();
    return {
      series: series.value,
      layerIndex: Math.min(layerIndex, series.value.numLayers - 1),
      scale: reading.scale,
      opacity: reading.opacity,
      showSinks: reading.showSinks,
      selectedCell: selectedCell.value,
      reveal,
    };
  });

  const selectedCell = computed(() => {
    const { positionIndex } = view();
    const cell = layout.value?.cells.indexOf(positionIndex) ?? -1;
    return cell < 0 ? null : cell;
  });

  return { layout, series, frame, conceptIndex, selectedCell };
}
