import type { ImageDetail } from '../../electron/contract/images/images.ts';
import type { TraceDetail } from '../../electron/contract/traces/traces.ts';
import type { LensTrace } from '../../electron/engine/lens-trace/lens-trace.ts';

/** A trace with its numbers, its place in the library, and the photograph it was made from. */
export interface LoadedTrace {
  readonly id: number;
  readonly detail: TraceDetail;
  readonly trace: LensTrace;
  readonly image: ImageDetail | null;
}

/** One trace of a comparison: its letter, the layer that is shown, and the position that is read. */
export interface ComparedLoaded {
  readonly loaded: LoadedTrace;
  readonly letter: string;
  readonly name: string;
  readonly layerIndex: number;
  readonly positionIndex: number;
}
