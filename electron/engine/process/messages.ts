import type { ConceptSet } from '../lens-trace/concept-set.ts';
import type { EngineProgress } from '../lens-trace/progress.ts';
import type { SerializedError } from '../../contract/errors.ts';
import type { FidelityProgress, FidelityReport, FidelityRequest } from '../lens-trace/fidelity-report.ts';
import type { LensKind, LensTrace, PositionSelection, ProviderChoice } from '../lens-trace/lens-trace.ts';
import type { PreparedManifest, PrepareProgress, PrepareRequest } from '../../contract/prepared-model.ts';
import type { ProvidersReport } from '../../contract/providers.ts';
import type { SizeEstimate } from '../../contract/size-estimate.ts';

/** Everything that decides a trace; two equal requests on equal files give equal numbers. */
export interface TraceRequest {
  /** Checkpoint folder as Hugging Face lays it out. */
  readonly modelDir: string;
  /** null traces the prompt without any image, which is one of the controls. */
  readonly imagePath: string | null;
  /** Largest area at which the vision tower sees an image, pixels; left out, the checkpoint's own limit holds alone. */
  readonly maxPixels?: number | null;
  readonly prompt: string;
  readonly lens: LensKind;
  readonly positions: PositionSelection;
  /** Tokens kept per cell, 1…V. */
  readonly topK: number;
  readonly conceptSet: ConceptSet;
  readonly provider: ProviderChoice;
  /** Tokens to generate greedily after the prompt; 0 for none. */
  readonly generate: number;
  /** Whether the generated positions are traced too. */
  readonly traceGenerated: boolean;
  /**
   * Control images to compare with, and with the prompt without any image; null compares with nothing. A trace
   * without an image is a control itself, and is not compared.
   */
  readonly controls: readonly string[] | null;
  /** Folder in which readings of controls are kept between runs; left out, they are kept in memory. */
  readonly controlCache?: string | null;
  /**
   * Image files that will probably be traced next with the same model and positions, so that they can go through the
   * model together with this one. A hint: it changes no number, and nothing wrong with them fails this trace.
   */
  readonly upcoming?: readonly string[];
  /** Where to write pixel values, embeddings, residual stream and logits; null for nowhere. */
  readonly dumpPath: string | null;
}

/** What the small files of a checkpoint and the headers of its weights tell. */
export interface CheckpointOutline {
  readonly id: string;
  readonly family: string;
  readonly numLayers: number;
  readonly dModel: number;
  readonly vocabSize: number;
  readonly tokenizerSize: number;
  readonly tiedUnembedding: boolean;
  /** Tensor elements by weight dtype, e.g. { BF16: 8292166656 }. */
  readonly parametersByDtype: Readonly<Record<string, number>>;
  /** Estimated peak bytes of the engine process when this checkpoint traces one image. */
  readonly memoryBytes: number;
  /** As stored, and in every format that it can be prepared in. */
  readonly estimates: readonly SizeEstimate[];
}

/** What `inspect` tells of a checkpoint without loading its weights. */
export interface CheckpointReport extends CheckpointOutline {
  readonly sha256: string;
  readonly diskBytes: number;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

/** What the engine can be asked for: the request, the answer, and how it tells of its progress. */
export interface EngineCalls {
  trace: { request: TraceRequest; answer: LensTrace; progress: EngineProgress };
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
