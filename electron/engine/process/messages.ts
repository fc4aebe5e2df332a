import type { EngineProgress } from '../lens-trace/progress.ts';
import type { SerializedError } from '../../contract/problem.ts';
import type { FidelityProgress, FidelityReport, FidelityRequest } from '../lens-trace/fidelity-report.ts';
import type { LensTrace } from '../lens-trace/lens-trace.ts';
import type {
  PreparedManifest,
  PrepareProgress,
  PrepareRequest,
} from '../../contract/models/prepared-model.ts';
import type { ProvidersReport } from '../../contract/models/providers.ts';
import type { CheckpointOutline, CheckpointReport } from '../../contract/models/checkpoint-report.ts';
import type { CausalReading, CausalRequest } from '../lens-trace/causal-request.ts';
import type { FittedLens } from '../lens-trace/lenses/fitted-lens.ts';
import type { FitLensRequest } from '../shortcut/fit-lens.ts';
import type { TapFeatures, TapRequest } from '../stages/tap-request.ts';
import type { EngineTraceRequest } from '../stages/engine-trace-request.ts';

export type { FitLensRequest, TapFeatures, TapRequest, EngineTraceRequest };

/** A lens's file as it lies, and as a person knows it. */
export interface LensFile {
  readonly file: string;
  readonly name: string;
  /** What it was fitted to, for files that do not say so themselves; null when nobody said. */
  readonly model: FittedLens['model'] | null;
}

/** The engine's calls: request, answer and progress. */
export interface EngineCalls {
  trace: { request: EngineTraceRequest; answer: LensTrace; progress: EngineProgress };
  /** Features from inside the model, without a lens. */
  tap: { request: TapRequest; answer: TapFeatures; progress: EngineProgress };
  /** activationPatching between two images. */
  cause: { request: CausalRequest; answer: CausalReading; progress: EngineProgress };
  /** Writes a fitted lens to a file. */
  fitLens: { request: FitLensRequest; answer: FittedLens; progress: EngineProgress };
  /** Reads the whole of a lens's file; one of the public format is replaced by one of ours. */
  describeLens: { request: LensFile; answer: FittedLens; progress: never };
  /** By headers alone; the request is the folder. */
  outline: { request: string; answer: CheckpointOutline; progress: never };
  /** The same and every hash; the request is the folder. */
  inspect: { request: string; answer: CheckpointReport; progress: EngineProgress };
  /** Every provider, tried on this machine. */
  providers: { request: null; answer: ProvidersReport; progress: never };
  prepare: { request: PrepareRequest; answer: PreparedManifest; progress: PrepareProgress };
  verify: { request: FidelityRequest; answer: FidelityReport; progress: FidelityProgress };
}
export type EngineCall = keyof EngineCalls;

/** A request as it travels; one member for every call. */
export type EngineRequest = {
  [C in EngineCall]: { readonly type: C; readonly id: number; readonly request: EngineCalls[C]['request'] };
}[EngineCall];

export type EngineCommand =
  EngineRequest | { readonly type: 'cancel'; readonly id: number } | { readonly type: 'shutdown' };

export type EngineEvent =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly id: number; readonly progress: EngineCalls[EngineCall]['progress'] }
  | { readonly type: 'answer'; readonly id: number; readonly answer: EngineCalls[EngineCall]['answer'] }
  | { readonly type: 'error'; readonly id: number; readonly error: SerializedError };
