import { likeliest } from './heads.ts';

/**
 * The bound that a new patient's nonconformity stays below with probability 1 − α, from patients that it was measured on.
 *
 * Every patient weighs the same, whatever the number of images; the new patient is counted among them, which is why few
 * patients give no bound (infinity).
 *
 * @param scores   float64 [n], nonconformity of images whose patient had no part in the model; NaN is left out
 * @param weights  float64 [n], 1 / number of the patient's images
 * @param patients how many patients they are
 * @see Lee, Barber, Willett (2023), "Distribution-free inference with hierarchical data"
 */
export function patientQuantile(
  scores: Float64Array,
  weights: Float64Array,
  patients: number,
  alpha: number,
): number {
  const order = Int32Array.from(scores.keys()).filter((row) => !Number.isNaN(scores[row]));
  order.sort((a, b) => scores[a]! - scores[b]!);
  const needed = (1 - alpha) * (patients + 1);
  let sum = 0;
  for (const row of order) {
    sum += weights[row]!;
    // Sums of fractions: 1/3 + 1/3 + 1/3 is a whole patient.
    if (sum >= needed - 1e-9) return scores[row]!;
  }
  return Infinity;
}

/**
 * Classes that cannot be excluded: those with 1 − probability at most the bound, and always the likeliest. Without the latter
 * a head that is nearly always sure would exclude every class of an image that it is a little less sure of.
 */
export function conformalSet(probabilities: Float64Array, bound: number): number[] {
  const best = likeliest(probabilities);
  return [...probabilities.keys()].filter((k) => k === best || 1 - probabilities[k]! <= bound);
}

/**
 * Interval of jackknife+ (or CV+): bounds over predictions of models that left patients out, widened by what those models
 * missed these patients by. It holds the truth with probability at least 1 − 2α, in practice about 1 − α.
 *
 * @param predictions float64 [n]: for each image of the training patients, what the model without its patient predicts for the new one
 * @param residuals   float64 [n]: what that model missed the image by, absolute; NaN is left out
 * @see Barber, Candès, Ramdas, Tibshirani (2021), "Predictive inference with the jackknife+"
 */
export function jackknifeInterval(
  predictions: Float64Array,
  residuals: Float64Array,
  weights: Float64Array,
  patients: number,
  alpha: number,
): { readonly low: number; readonly high: number } {
  const above = predictions.map((prediction, row) => prediction + residuals[row]!);
  const below = predictions.map((prediction, row) => residuals[row]! - prediction);
  return {
    low: -patientQuantile(below, weights, patients, alpha),
    high: patientQuantile(above, weights, patients, alpha),
  };
}
