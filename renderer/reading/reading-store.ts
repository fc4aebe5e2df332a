import { defineStore } from 'pinia';
import { ref } from 'vue';
import type { LensTrace } from '../../electron/engine/lens-trace/lens-trace.ts';
import type { ScaleName } from '../../electron/engine/lens-trace/overlay/color-scales.ts';
import type { CurveScale } from './reading.ts';
import type { OverlayMode } from '../../electron/engine/lens-trace/overlay/overlay-series.ts';
import { leadingConcepts } from '../../electron/engine/lens-trace/overlay/leading-concepts.ts';
import { answerIndex } from './reading.ts';

/** How traces are looked at; kept while one goes from trace to trace. */
export const useReading = defineStore('reading', () => {
  const curveScale = ref<CurveScale>('probability');
  const logarithmic = ref(true);
  const overlayMode = ref<OverlayMode>('concept');
  const overlayConceptId = ref<string | null>(null);
  const overlayLogarithmic = ref(false);
  const opacity = ref(0.6);
  const scale = ref<ScaleName>('viridis');
  const showSinks = ref(true);
  /** Layers per second of the animation. */
  const speed = ref(4);
  const ranks = ref(5);
  /** null follows the concepts that are easiest to read in each trace. */
  const chosenConcepts = ref<string[] | null>(null);

  /** The same at every position of a trace, so that colours keep their meaning while one clicks about. */
  function conceptsOf(trace: LensTrace): string[] {
    const known = chosenConcepts.value?.filter((id) => trace.concepts.some((concept) => concept.id === id));
    return known === undefined || (known.length === 0 && chosenConcepts.value!.length > 0)
      ? leadingConcepts(trace, answerIndex(trace), 5)
      : known;
  }

  function overlayConcept(trace: LensTrace, shown: readonly string[]): number {
    const wanted = overlayConceptId.value ?? shown[0];
    return Math.max(
      0,
      trace.concepts.findIndex((concept) => concept.id === wanted),
    );
  }

  return {
    curveScale,
    logarithmic,
    overlayMode,
    overlayConceptId,
    overlayLogarithmic,
    opacity,
    scale,
    showSinks,
    speed,
    ranks,
    chosenConcepts,
    conceptsOf,
    overlayConcept,
  };
});
