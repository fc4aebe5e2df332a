import type { LoadedTrace } from '../traces/traces-store.ts';

/** One trace of a comparison: its letter, the layer that is shown, and the position that is read. */
export interface ComparedLoaded {
  readonly loaded: LoadedTrace;
  readonly letter: string;
  readonly name: string;
  readonly layerIndex: number;
  readonly positionIndex: number;
}
