/**
 * Quantile with linear interpolation between neighbours, as numpy's default and R's type 7 have it. The only definition in
 * this software; a p-value is never read off it, since interpolating between few controls claims more than they can show.
 *
 * @param values at least one, in any order, none NaN
 * @param share 0…1
 * @throws RangeError when there are no values or the share is outside 0…1
 * @see Hyndman & Fan, "Sample quantiles in statistical packages" (1996), definition 7
 */
export function quantile(values: ArrayLike<number>, share: number): number {
  if (values.length === 0) throw new RangeError('no values to take a quantile of');
  if (!(share >= 0 && share <= 1)) throw new RangeError(`the share ${share} is not within 0…1`);
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const [below, above] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!];
  return above === below ? below : below + (at - low) * (above - below);
}

export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/** Median and median absolute deviation, not scaled. */
export function medianAndDeviation(values: ArrayLike<number>): readonly [number, number] {
  const center = median(values);
  return [center, median(Float64Array.from(values, (value) => Math.abs(value - center)))];
}

/** The middle 95 % of the values, as bootstrap intervals quote it. */
export function middleInterval(values: ArrayLike<number>): [number, number] {
  return [quantile(values, 0.025), quantile(values, 0.975)];
}
