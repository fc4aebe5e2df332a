/** Probability of the positive class is 1 / (1 + exp(−(slope·score + offset))). */
export interface PlattScaling {
  readonly slope: number;
  readonly offset: number;
}

export function plattProbability({ slope, offset }: PlattScaling, score: number): number {
  return 1 / (1 + Math.exp(-(slope * score + offset)));
}

/**
 * Turns scores into probabilities, fitted on scores that their own rows had no part in.
 *
 * Maximum likelihood of Platt's softened targets (N₊ + 1) / (N₊ + 2) and 1 / (N₋ + 2), by Newton's method with halved steps.
 * Scores are brought to deviation 1 first, so that any unit of score converges alike.
 *
 * @param scores   float64; rows that are NaN are left out
 * @param positive float64, 1 or 0
 * @param near     a solution of nearly the same rows, to begin from
 * @see Platt (1999); Lin, Lin, Weng (2007), "A note on Platt's probabilistic outputs for support vector machines"
 */
export function fitPlatt(scores: Float64Array, positive: Float64Array, near?: PlattScaling): PlattScaling {
  const { mean, deviation, positives, negatives } = summarise(scores, positive);
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (negatives + 2);
  const loss = (a: number, b: number) => {
    let sum = 0;
    for (let row = 0; row < scores.length; row++) {
      const score = scores[row]!;
      if (Number.isNaN(score)) continue;
      const logit = (a * (score - mean)) / deviation + b;
      const target = positive[row]! > 0 ? high : low;
      sum += Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - target * logit;
    }
    return sum;
  };
  let a = near === undefined ? 0 : near.slope * deviation;
  let b = near === undefined ? Math.log((positives + 1) / (negatives + 1)) : near.offset + near.slope * mean;
  let current = loss(a, b);
  for (let iteration = 0; iteration < 100; iteration++) {
    let ga = 0, gb = 0, haa = 1e-12, hab = 0, hbb = 1e-12; // prettier-ignore
    for (let row = 0; row < scores.length; row++) {
      const score = scores[row]!;
      if (Number.isNaN(score)) continue;
      const x = (score - mean) / deviation;
      const p = 1 / (1 + Math.exp(-(a * x + b)));
      const gradient = p - (positive[row]! > 0 ? high : low);
      const curvature = p * (1 - p);
      ga += gradient * x;
      gb += gradient;
      haa += curvature * x * x;
      hab += curvature * x;
      hbb += curvature;
    }
    const determinant = haa * hbb - hab * hab;
    const stepA = (hbb * ga - hab * gb) / determinant;
    const stepB = (haa * gb - hab * ga) / determinant;
    // So near, one full step is exact to rounding, and differences of the loss are rounding too.
    if (Math.abs(ga) + Math.abs(gb) < 1e-7 * (positives + negatives)) {
      a -= stepA;
      b -= stepB;
      break;
    }
    let share = 1;
    let next = loss(a - stepA, b - stepB);
    while (next > current && share > 1e-10) {
      share /= 2;
      next = loss(a - share * stepA, b - share * stepB);
    }
    a -= share * stepA;
    b -= share * stepB;
    current = next;
  }
  return { slope: a / deviation, offset: b - (a * mean) / deviation };
}

function summarise(scores: Float64Array, positive: Float64Array) {
  let count = 0;
  let sum = 0;
  let squares = 0;
  let positives = 0;
  scores.forEach((score, row) => {
    if (Number.isNaN(score)) return;
    count++;
    sum += score;
    squares += score * score;
    if (positive[row]! > 0) positives++;
  });
  const mean = sum / count;
  const deviation = Math.sqrt(Math.max(squares / count - mean * mean, 0));
  return { mean, deviation: deviation > 0 ? deviation : 1, positives, negatives: count - positives };
}
