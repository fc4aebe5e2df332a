import type { Estimate } from '../measure/bootstrap.ts';
import type { SerializedDecoderError } from '../request/errors.ts';
import type { FieldKind } from '../measure/heads.ts';
import type { RiskCoverage } from '../measure/metrics.ts';
import type { ValueCount } from '../layer/prepare-field.ts';

/** Everything that is to be shown of a fit. Scores are those of patients who had no part in model, penalty or layer. */
export interface DecoderReport {
  readonly images: number;
  readonly patients: number;
  readonly fields: readonly FieldReport[];
}

export type FieldReport = FittedFieldReport | RefusedFieldReport;

export interface RefusedFieldReport {
  readonly status: 'refused';
  readonly field: string;
  readonly kind: FieldKind;
  readonly error: SerializedDecoderError;
}

export interface FittedFieldReport {
  readonly status: 'fitted';
  readonly field: string;
  readonly kind: FieldKind;
  /** Names of the values of each class. */
  readonly classes: readonly (readonly string[])[];
  readonly counts: readonly ValueCount[];
  readonly images: number;
  readonly patients: number;
  /** Share of images in the commonest class: what always saying it would get right; null for a number. */
  readonly commonest: number | null;
  /** What `score` everywhere is: AUROC, mean AUROC over thresholds or classes, or R². */
  readonly measure: 'auroc' | 'mean-auroc' | 'r2';
  readonly chosen: ChosenReport;
  readonly curves: readonly CurveReport[];
  readonly sourcesLeftOut: readonly SourceReport[];
}

export interface ChosenReport {
  /** Where the decoder reads: smallest error over all patients. */
  readonly set: string;
  readonly layer: number;
  readonly lambda: number;
  /** Which folds' choices, each made without the fold, fell where; the commonest first. */
  readonly picks: readonly {
    readonly set: string;
    readonly layer: number;
    readonly lambda: number;
    readonly folds: readonly number[];
  }[];
  /** Primary score over patients left out, layer and penalty chosen by the others. */
  readonly score: Estimate;
  /** The same with labels shuffled between patients, at the decoder's layer: mean, and the middle 95 % of shuffles. */
  readonly shuffled: Estimate;
  /** Score minus shuffled score. */
  readonly selectivity: number | null;
  /** Other measures by name. */
  readonly measures: Readonly<Record<string, Estimate>>;
  readonly riskCoverage: RiskCoverage | null;
  /** Left-out answers for every image, for tables and charts. */
  readonly answers: readonly ImageAnswer[];
}

export interface ImageAnswer {
  /** Row of the image in the request. */
  readonly image: number;
  /** Of the outer cross-validation. */
  readonly fold: number;
  /** Uncalibrated, one a column: prediction minus the mean target of the other folds. */
  readonly scores: readonly number[];
  /** Probabilities of the classes; of a number value, lower, upper. */
  readonly values: readonly (number | null)[];
  /** Classes in the conformal set; empty for a number. */
  readonly possible: readonly number[];
}

/** One feature set over its layers; never only the best of them. */
export interface CurveReport {
  readonly set: string;
  readonly role: 'layers' | 'baseline';
  readonly points: readonly CurvePoint[];
}

export interface CurvePoint {
  readonly layer: number;
  /** Multiple of the spread with the smallest left-out error at this layer. */
  readonly lambda: number;
  readonly score: Estimate;
  readonly shuffled: Estimate;
  readonly selectivity: number | null;
}

/** A whole source left out: the number to show first. */
export interface SourceReport {
  readonly source: string;
  readonly images: number;
  readonly patients: number;
  /** Why nothing can be said of it. */
  readonly refused: 'one-class' | 'too-few-patients' | null;
  /** A set's score there, its layer and penalty chosen on the other sources; first the decoder's choice over all layers. */
  readonly scores: readonly {
    readonly set: string;
    readonly role: 'decoder' | 'layers' | 'baseline';
    readonly layer: number;
    readonly score: Estimate;
  }[];
}
