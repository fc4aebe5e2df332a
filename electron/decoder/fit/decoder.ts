import type { Estimate } from '../measure/bootstrap.ts';
import type { SerializedDecoderError } from '../request/errors.ts';
import type { FieldKind } from '../measure/heads.ts';
import type { ValueCount } from '../layer/prepare-field.ts';
import type { DecoderOrigin } from '../request/request.ts';
import type { TrainedHead } from '../layer/train-heads.ts';

/** Reads protocol fields from features of one model. */
export interface Decoder {
  readonly name: string;
  readonly origin: DecoderOrigin;
  /** Share of conformal sets and intervals that may miss the truth. */
  readonly alpha: number;
  readonly heads: readonly DecoderHead[];
  /** The same fields at each layer of the sets that were asked for; by layer, then by field. */
  readonly byLayer: readonly DecoderHead[];
  /** Fields that were asked for and could not be learnt: they are never assessed. */
  readonly refused: readonly RefusedField[];
}

export interface DecoderHead extends TrainedHead {
  readonly field: string;
  readonly kind: FieldKind;
  readonly values: readonly string[];
  /** What it can tell apart, as places in `values`. */
  readonly classes: readonly (readonly number[])[];
  readonly counts: readonly ValueCount[];
  /** The feature set and layer that it reads. */
  readonly set: string;
  readonly layer: number;
  readonly width: number;
  /** λ as a multiple of the features' spread. */
  readonly lambda: number;
  /** Scores on patients left out, by measure. */
  readonly scores: Readonly<Record<string, Estimate>>;
}

export interface RefusedField {
  readonly field: string;
  readonly error: SerializedDecoderError;
}
