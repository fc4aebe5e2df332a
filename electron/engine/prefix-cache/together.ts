import { isCancelled } from '../progress/trace-hooks.ts';

/** Does work for all inputs in one go, or if that fails (a device may not have the memory) for one after the other. */
export async function togetherOrOneByOne<T, R>(
  inputs: readonly T[],
  work: (inputs: readonly T[]) => Promise<R[]>,
): Promise<R[]> {
  const together = await attempt(inputs, work);
  if (together !== null) return together;
  const results: R[] = [];
  for (const input of inputs) results.push(...(await work([input])));
  return results;
}

/**
 * Does work for all inputs in one go, or if that fails for the first alone.
 *
 * @returns as many results as inputs were worked for
 */
export async function togetherOrFirst<T, R>(
  inputs: readonly T[],
  work: (inputs: readonly T[]) => Promise<R[]>,
): Promise<R[]> {
  return (await attempt(inputs, work)) ?? work(inputs.slice(0, 1));
}

/** @returns null when the work for several inputs failed */
async function attempt<T, R>(
  inputs: readonly T[],
  work: (inputs: readonly T[]) => Promise<R[]>,
): Promise<R[] | null> {
  if (inputs.length === 1) return work(inputs);
  try {
    return await work(inputs);
  } catch (error) {
    if (isCancelled(error)) throw error;
    return null;
  }
}
