import type { ProviderChoice } from './lens-trace.ts';

/** A rectangle of an image, as shares 0…1 of its width and height. */
export interface ImageRegion {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Which states are exchanged; `irrelevant` are as many image tokens as the region has, drawn outside it. */
export const positionSets = ['image', 'region', 'irrelevant', 'text', 'last'] as const;
export type PositionSet = (typeof positionSets)[number];

/** Which looks are knocked out: of all text after the image at the image, or of the last position alone. */
export const knockedOutEdges = ['image-to-text', 'image-to-answer'] as const;
export type KnockedOutEdges = (typeof knockedOutEdges)[number];

/** One pair of images, and what is asked of it. */
export interface CausalRequest {
  /** Checkpoint folder as Hugging Face lays it out. */
  readonly modelDir: string;
  readonly provider: ProviderChoice;
  readonly prompt: string;
  readonly maxPixels: number | null;
  /** The image of which A is true. */
  readonly cleanPath: string;
  /** The image of which B is true; its grid must be the same. */
  readonly corruptPath: string;
  /** How an answer begins that says A or B; m is what A is ahead by. */
  readonly contrast: { readonly a: readonly string[]; readonly b: readonly string[] };
  /** Where the finding is; null leaves the region and the irrelevant region out. */
  readonly region: ImageRegion | null;
  /** Layers of one attention knockout; 0 for none. */
  readonly knockoutWindow: number;
  /** Of what is drawn: irrelevant image tokens, random edges. */
  readonly seed: number;
}

/** m after states were exchanged before block l, l = 0…L; L is after the last block. */
export interface PatchCurve {
  readonly set: PositionSet;
  readonly numPositions: number;
  /** Sufficiency: states of the clean run in the corrupt one. float32 [L + 1], logit units */
  readonly intoCorrupt: Float32Array;
  /** Necessity: states of the corrupt run in the clean one. float32 [L + 1], logit units */
  readonly intoClean: Float32Array;
}

/** m of the clean run with attention knocked out in blocks l … l + window − 1, l = 0…L − window. */
export interface KnockoutCurve {
  readonly edges: KnockedOutEdges;
  readonly numEdges: number;
  readonly window: number;
  /** float32 [L + 1 − window], logit units */
  readonly knockedOut: Float32Array;
  /** The same with as many other edges, drawn at random. float32 [L + 1 − window], logit units */
  readonly random: Float32Array;
}

/** What one pair came to; m = log-sum-exp of the logits of A − that of B, where the answer begins. */
export interface CausalReading {
  readonly model: {
    readonly id: string;
    readonly sha256: string;
    readonly numLayers: number;
    readonly provider: string;
  };
  /** SHA-256 of the image files. */
  readonly cleanSha256: string;
  readonly corruptSha256: string;
  /** [rows, columns] of image tokens. */
  readonly cells: readonly [number, number];
  /** Tokens that stand for A and for B. */
  readonly tokens: { readonly a: readonly string[]; readonly b: readonly string[] };
  /** m of either run as it is. */
  readonly clean: number;
  readonly corrupt: number;
  readonly patches: readonly PatchCurve[];
  /** m of the clean run with every image state before block l replaced by the mean of both images' states there. float32 [L + 1] */
  readonly meanAblated: Float32Array;
  readonly knockouts: readonly KnockoutCurve[];
}
