import { createRandom, seedOfText } from '../../electron/engine/readability/statistics/seeded-random.ts';
import type { FuzzTarget } from './targets.ts';

/** What the reading process says: before an input, and what came of it. */
export interface FuzzMessage {
  readonly at: number;
  readonly peakBytes?: number;
  /** Of an error that is no answer to a bad file. */
  readonly thrown?: string | null;
}

/** The input with this number; the same on every machine. */
export function inputOf(target: FuzzTarget, seeds: readonly Buffer[], seed: number, index: number): Buffer {
  const random = createRandom(seedOfText(`${target.name} ${seed} ${index}`));
  const choose = () => seeds[Math.floor(random() * seeds.length)]!;
  const [bytes, other] = [choose(), choose()];
  return target.mutate(bytes, other, random);
}
