/**
 * Measures of decoders. Weights are how often a row counts (a bootstrap's draws); without them every row counts once.
 * A measure that the rows do not determine, such as AUROC with one class, is NaN.
 */

const one = () => 1;

function weightOf(weights: Float64Array | undefined): (row: number) => number {
  return weights === undefined ? one : (row) => weights[row]!;
}

/** Rows by descending score, found once for many weightings. */
export interface Ranking {
  readonly order: Int32Array;
  readonly scores: Float64Array;
}

export function rankScores(scores: Float64Array): Ranking {
  const order = Int32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!);
  return { order, scores };
}

/**
 * Area under the receiver operating characteristic: probability that a positive scores above a negative, ties half.
 *
 * @param positive float64 [n], 1 or 0
 */
export function auroc({ order, scores }: Ranking, positive: Float64Array, weights?: Float64Array): number {
  const weight = weightOf(weights);
  let positives = 0;
  let negatives = 0;
  let concordant = 0;
  for (let at = 0; at < order.length;) {
    const score = scores[order[at]!]!;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (; at < order.length && scores[order[at]!] === score; at++) {
      const row = order[at]!;
      if (positive[row]! > 0) tiedPositives += weight(row);
      else tiedNegatives += weight(row);
    }
    concordant += tiedNegatives * (positives + tiedPositives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
  }
  return positives > 0 && negatives > 0 ? concordant / (positives * negatives) : NaN;
}

/** Area under precision over recall as average precision: Σ (recall step) · precision, tied rows together. */
export function auprc({ order, scores }: Ranking, positive: Float64Array, weights?: Float64Array): number {
  const weight = weightOf(weights);
  let positives = 0;
  let seen = 0;
  let area = 0;
  for (let at = 0; at < order.length;) {
    const score = scores[order[at]!]!;
    let tiedPositives = 0;
    for (; at < order.length && scores[order[at]!] === score; at++) {
      const row = order[at]!;
      seen += weight(row);
      if (positive[row]! > 0) tiedPositives += weight(row);
    }
    positives += tiedPositives;
    if (seen > 0) area += tiedPositives * (positives / seen);
  }
  return positives > 0 ? area / positives : NaN;
}

/** Mean over classes that are true or predicted somewhere of F1 = 2·tp / (2·tp + fp + fn). */
export function macroF1(
  truth: Int32Array,
  predicted: Int32Array,
  classes: number,
  weights?: Float64Array,
): number {
  const table = confusion(truth, predicted, classes, weights);
  let sum = 0;
  let present = 0;
  for (let k = 0; k < classes; k++) {
    let row = 0;
    let column = 0;
    for (let j = 0; j < classes; j++) {
      row += table[k * classes + j]!;
      column += table[j * classes + k]!;
    }
    if (row + column === 0) continue;
    present++;
    sum += (2 * table[k * classes + k]!) / (row + column);
  }
  return present > 0 ? sum / present : NaN;
}

/** Cohen's κ with quadratic weights: 1 − Σ w·observed / Σ w·expected, w = (i − j)². */
export function quadraticKappa(
  truth: Int32Array,
  predicted: Int32Array,
  classes: number,
  weights?: Float64Array,
): number {
  const table = confusion(truth, predicted, classes, weights);
  const rows = new Float64Array(classes);
  const columns = new Float64Array(classes);
  let total = 0;
  for (let i = 0; i < classes; i++)
    for (let j = 0; j < classes; j++) {
      const count = table[i * classes + j]!;
      rows[i]! += count;
      columns[j]! += count;
      total += count;
    }
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < classes; i++)
    for (let j = 0; j < classes; j++) {
      observed += (i - j) ** 2 * table[i * classes + j]!;
      expected += ((i - j) ** 2 * rows[i]! * columns[j]!) / total;
    }
  return expected > 0 ? 1 - observed / expected : NaN;
}

/** float64 [K, K]: rows are true classes, columns predicted ones. */
export function confusion(
  truth: Int32Array,
  predicted: Int32Array,
  classes: number,
  weights?: Float64Array,
): Float64Array {
  const weight = weightOf(weights);
  const table = new Float64Array(classes * classes);
  truth.forEach((value, row) => (table[value * classes + predicted[row]!]! += weight(row)));
  return table;
}

/** Mean absolute error. */
export function meanAbsoluteError(
  truth: Float64Array,
  predicted: Float64Array,
  weights?: Float64Array,
): number {
  return weightedMean(truth.length, (row) => Math.abs(truth[row]! - predicted[row]!), weights);
}

export function weightedMean(
  count: number,
  valueOf: (row: number) => number,
  weights?: Float64Array,
): number {
  const weight = weightOf(weights);
  let sum = 0;
  let total = 0;
  for (let row = 0; row < count; row++) {
    const own = weight(row);
    if (own === 0) continue;
    sum += own * valueOf(row);
    total += own;
  }
  return total > 0 ? sum / total : NaN;
}

/** Bins of the expected calibration error, of equal width over 0 … 1. */
export const calibrationBins = 10;

/**
 * Expected calibration error: difference between confidence and share right, over bins of confidence, weighted by rows.
 *
 * @param confidence float64 [n], probability of the predicted class
 * @param right      float64 [n], 1 where the predicted class is the true one
 * @see Naeini, Cooper, Hauskrecht (2015)
 */
export function expectedCalibrationError(
  confidence: Float64Array,
  right: Float64Array,
  weights?: Float64Array,
): number {
  const weight = weightOf(weights);
  const gaps = new Float64Array(calibrationBins);
  let total = 0;
  confidence.forEach((value, row) => {
    const bin = Math.min(calibrationBins - 1, Math.floor(value * calibrationBins));
    gaps[bin]! += weight(row) * (value - right[row]!);
    total += weight(row);
  });
  return total > 0 ? gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total : NaN;
}

export interface RiskCoverage {
  /** Share of rows that are answered, the surest first. */
  readonly coverage: readonly number[];
  /** Share of wrong answers among them. */
  readonly risk: readonly number[];
  /** Mean risk over all coverages. */
  readonly area: number;
}

/** Share wrong among the surest rows, for every share answered; equally sure rows are answered together. */
export function riskCoverage(
  { order, scores }: Ranking,
  right: Float64Array,
  weights?: Float64Array,
): RiskCoverage {
  const weight = weightOf(weights);
  let total = 0;
  for (const row of order) total += weight(row);
  const coverage: number[] = [];
  const risk: number[] = [];
  let answered = 0;
  let wrong = 0;
  let area = 0;
  for (let at = 0; at < order.length;) {
    const before = answered;
    const confidence = scores[order[at]!]!;
    for (; at < order.length && scores[order[at]!] === confidence; at++) {
      const row = order[at]!;
      answered += weight(row);
      wrong += weight(row) * (1 - right[row]!);
    }
    if (answered === before) continue;
    coverage.push(answered / total);
    risk.push(wrong / answered);
    area += ((wrong / answered) * (answered - before)) / total;
  }
  return { coverage, risk, area: total > 0 ? area : NaN };
}
