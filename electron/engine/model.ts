import type { Gate } from './lens-trace/lens-trace.ts';
import type { CheckpointFingerprint } from './checkpoint/fingerprint.ts';
import type { Checkpoint } from './checkpoint/open-checkpoint.ts';
import type { LensHead } from './lens/lens-head.ts';
import type { RunPlan } from './memory/memory-needs.ts';
import type { ModelWeights } from './memory/weigh-parts.ts';
import type { ChosenProvider } from './runtime/providers.ts';
import type { GraphRunner } from './runtime/resident-session.ts';

/** What a model takes of memory, and whether its graphs stay there. */
export interface ModelMemory {
  readonly weights: ModelWeights;
  readonly run: RunPlan;
  /** Whether all graphs stay in memory, or each is there only while it runs. */
  readonly staysLoaded: boolean;
}

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
  release(): Promise<void>;
}

/** Rows of the unembedding that belong to a token. */
export function numTokens({ tokenizer, config }: Checkpoint): number {
  return Math.min(tokenizer.size, config.decoder.vocabSize);
}
