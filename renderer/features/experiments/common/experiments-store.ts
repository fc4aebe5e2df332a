import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import type { ExperimentFile } from '../../../../electron/contract/experiments.ts';

/** What a new experiment begins with: a file that was opened, or the plan of another experiment. */
export interface OfferedExperiment {
  readonly file: ExperimentFile;
  /** Photographs of the library that are meant; undefined when they are still to be chosen. */
  readonly imageIds?: readonly number[];
}

/** Carries an experiment from where it was opened to where it is made. */
export const useExperiments = defineStore('experiments', () => {
  const offered = shallowRef<OfferedExperiment | null>(null);

  /** What was offered; it is given once. */
  function take(): OfferedExperiment | null {
    const given = offered.value;
    offered.value = null;
    return given;
  }

  return { offered, take };
});
