import type { SizeEstimate } from './size-estimate.ts';

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
