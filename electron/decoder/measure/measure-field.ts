import { estimate } from './bootstrap.ts';
import type { Estimate, PatientSamples } from './bootstrap.ts';
import { columnOf, likeliest } from './heads.ts';
import type { FieldKind } from './heads.ts';
import {
  auprc,
  expectedCalibrationError,
  macroF1,
  meanAbsoluteError,
  quadraticKappa,
  rankScores,
  riskCoverage,
  weightedMean,
} from './metrics.ts';
import type { RiskCoverage } from './metrics.ts';

export interface FieldMeasures {
  readonly measures: Record<string, Estimate>;
  readonly riskCoverage: RiskCoverage | null;
}

/**
 * Measures of a field's classes from answers to patients left out.
 *
 * @param labels        float64 [n], classes
 * @param probabilities float64 [n, K]
 * @param sets          uint8 [n, K], conformal sets
 * @param scores        float64 [n, C], uncalibrated
 * @param targets       float64 [n, C]
 */
export function measureClasses(
  kind: FieldKind,
  labels: Float64Array,
  probabilities: Float64Array,
  sets: Uint8Array,
  scores: Float64Array,
  targets: Float64Array,
  columns: number,
  samples: PatientSamples,
): FieldMeasures {
  const count = labels.length;
  const classes = probabilities.length / count;
  const truth = Int32Array.from(labels);
  const rowOf = (row: number) => probabilities.subarray(row * classes, (row + 1) * classes);
  const predicted = truth.map((_, row) => likeliest(rowOf(row)));
  const confidence = labels.map((_, row) => rowOf(row)[predicted[row]!]!);
  const right = labels.map((label, row) => (predicted[row] === label ? 1 : 0));
  const sizeOf = (row: number) =>
    sets.subarray(row * classes, (row + 1) * classes).reduce((sum, one) => sum + one, 0);
  const assessed = labels.map((_, row) => (sizeOf(row) === 1 ? 1 : 0));
  const covered = labels.map((label, row) => sets[row * classes + label]!);
  const rankings = Array.from({ length: columns }, (_, column) => ({
    ranking: rankScores(columnOf(scores, columns, column)),
    positive: columnOf(targets, columns, column),
  }));
  const sure = rankScores(confidence);
  const measure = (statistic: (weights: Float64Array | undefined) => number) => estimate(statistic, samples);
  const measures: Record<string, Estimate> = {
    auprc: measure((weights) => {
      const areas = rankings.map(({ ranking, positive }) => auprc(ranking, positive, weights));
      const known = areas.filter((area) => !Number.isNaN(area));
      return known.reduce((sum, area) => sum + area, 0) / known.length;
    }),
    accuracy: measure((weights) => weightedMean(count, (row) => right[row]!, weights)),
    macroF1: measure((weights) => macroF1(truth, predicted, classes, weights)),
    ece: measure((weights) => expectedCalibrationError(confidence, right, weights)),
    riskCoverageArea: measure((weights) => riskCoverage(sure, right, weights).area),
    setCoverage: measure((weights) => weightedMean(count, (row) => covered[row]!, weights)),
    assessed: measure((weights) => weightedMean(count, (row) => assessed[row]!, weights)),
    accuracyAssessed: measure((weights) =>
      weightedMean(
        count,
        (row) => covered[row]!,
        weights?.map((weight, row) => weight * assessed[row]!) ?? assessed,
      ),
    ),
  };
  if (kind === 'ordinal') {
    measures['quadraticKappa'] = measure((weights) => quadraticKappa(truth, predicted, classes, weights));
    measures['mae'] = measure((weights) => meanAbsoluteError(labels, Float64Array.from(predicted), weights));
  }
  return { measures, riskCoverage: riskCoverage(sure, right) };
}

/**
 * Measures of a number from answers to patients left out.
 *
 * @param answers float64 [n, 3]: value, lower and upper bound
 */
export function measureNumbers(
  labels: Float64Array,
  answers: Float64Array,
  samples: PatientSamples,
): FieldMeasures {
  const [values, low, high] = [columnOf(answers, 3, 0), columnOf(answers, 3, 1), columnOf(answers, 3, 2)];
  const count = labels.length;
  const measure = (statistic: (weights: Float64Array | undefined) => number) => estimate(statistic, samples);
  return {
    measures: {
      mae: measure((weights) => meanAbsoluteError(labels, values, weights)),
      intervalCoverage: measure((weights) =>
        weightedMean(
          count,
          (row) => (labels[row]! >= low[row]! && labels[row]! <= high[row]! ? 1 : 0),
          weights,
        ),
      ),
      intervalWidth: measure((weights) => weightedMean(count, (row) => high[row]! - low[row]!, weights)),
    },
    riskCoverage: null,
  };
}
