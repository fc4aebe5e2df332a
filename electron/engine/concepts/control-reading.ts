import type { ControlSource } from '../lens-trace/lens-trace.ts';
import type { PoolReading } from '../readability/token-null.ts';

/** What one control came to, under the model, prompt, lens and concept set that it was read with. */
export interface ControlReading {
  readonly source: ControlSource;
  /** Where the answer begins: by concept in the order of the set, [N] log-odds with the whole of what was bounded. */
  readonly answer: readonly Float32Array[];
  /** The same position: by layer, the tokens that stand for any other word. */
  readonly pool: readonly PoolReading[];
  /** By concept, [N]: highest log-odds of its telling first tokens over the cells that were read; null without an image. */
  readonly cells: readonly Float32Array[] | null;
}
