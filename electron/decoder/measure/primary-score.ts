import { columnOf } from './heads.ts';
import type { FieldKind } from './heads.ts';
import { leftOutMeans } from '../linear/leave-out.ts';
import { auroc, rankScores } from './metrics.ts';

/**
 * The one score that layers, baselines and shuffled labels are compared by, from scores of images whose patient was left out:
 * AUROC of a binary field, mean AUROC of an ordinal field's thresholds or of a categorical field's classes, R² of a number.
 *
 * @param scores  float64 [n, C]: predictions minus the training targets' mean
 * @param targets float64 [n, C]
 * @param means   float64 [n, C]: that mean; only used for numbers
 * @returns the score as a function of the rows' weights, so that a bootstrap ranks them only once
 */
export function primaryScore(
  kind: FieldKind,
  scores: Float64Array,
  targets: Float64Array,
  means: Float64Array,
  columns: number,
): (weights: Float64Array | undefined) => number {
  if (kind === 'number') return (weights) => explainedVariance(scores, targets, means, weights);
  const parts = Array.from({ length: columns }, (_, column) => ({
    ranking: rankScores(columnOf(scores, columns, column)),
    positive: columnOf(targets, columns, column),
  }));
  return (weights) => {
    let sum = 0;
    let known = 0;
    for (const { ranking, positive } of parts) {
      const area = auroc(ranking, positive, weights);
      if (Number.isNaN(area)) continue;
      sum += area;
      known++;
    }
    return known > 0 ? sum / known : NaN;
  };
}

/** Score of shuffled or other left-out rows in one call. */
export function primaryScoreOf(
  kind: FieldKind,
  scores: Float64Array,
  targets: Float64Array,
  columns: number,
  starts: Int32Array,
): number {
  const means = kind === 'number' ? leftOutMeans(targets, columns, starts) : targets;
  return primaryScore(kind, scores, targets, means, columns)(undefined);
}

/** 1 − Σ(y − ŷ)² / Σ(y − mean without the patient)². */
function explainedVariance(
  scores: Float64Array,
  targets: Float64Array,
  means: Float64Array,
  weights: Float64Array | undefined,
): number {
  let missed = 0;
  let spread = 0;
  for (let row = 0; row < scores.length; row++) {
    const weight = weights?.[row] ?? 1;
    const deviation = targets[row]! - means[row]!;
    missed += weight * (deviation - scores[row]!) ** 2;
    spread += weight * deviation ** 2;
  }
  return spread > 0 ? 1 - missed / spread : NaN;
}
