import type { Gate } from '../lens-trace/lens-trace.ts';
import type { CheckpointFingerprint } from '../checkpoint/fingerprint.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { LensHead } from '../lens/lens-head.ts';
import type { ModelMemory } from '../memory/memory-needs.ts';
import type { ChosenProvider } from '../runtime/providers.ts';
import type { GraphRunner } from '../runtime/resident-session.ts';

/** A checkpoint compiled and loaded, ready to trace. */
export interface Model {
  readonly checkpoint: Checkpoint;
  readonly fingerprint: CheckpointFingerprint;
  readonly provider: ChosenProvider;
  readonly memory: ModelMemory;
  readonly vision: GraphRunner;
  readonly decoder: GraphRunner;
  readonly head: LensHead;
}

export interface LoadedModel extends Model {
  readonly gate: Gate;
  readonly loadMilliseconds: number;
  /** Leaves the decoder its first `depth` blocks, 1…L, so that the others are neither loaded nor computed. */
  limitDepth(depth: number): Promise<void>;
  release(): Promise<void>;
}

/** Rows of the unembedding that belong to a token. */
export function numTokens({ tokenizer, config }: Checkpoint): number {
  return Math.min(tokenizer.size, config.decoder.vocabSize);
}
