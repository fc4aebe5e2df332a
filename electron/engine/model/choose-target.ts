import type { ProviderName } from '../lens-trace/lens-trace.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { deviceBufferBytes, widenedBytes } from '../memory/memory-needs.ts';
import { cpuTarget, type GraphTarget } from '../graph/graph-target.ts';

/** Weights up to this size are widened when they are loaded. */
const smallBytes = 2 ** 30;
/** Concept slots compiled into the head where the graph counts ranks; it grows with the first larger set. */
const rankSlots = 8;

/**
 * Float32 weights are used in place, from the file. Smaller ones of a small checkpoint are widened once, when it is
 * loaded; a larger one would not fit then, so its matrices are widened one by one in every pass.
 */
export function chooseWidening(
  { weights, prepared }: Pick<Checkpoint, 'weights' | 'prepared'>,
  provider: ProviderName,
): GraphTarget['widen'] {
  const views = [...weights];
  const bytes = views.reduce((sum, view) => sum + view.byteLength, 0);
  if (provider === 'cpu') {
    if (prepared !== null) return 'per-use';
    return views.every(({ dtype }) => dtype === 'F32') || bytes <= smallBytes ? 'once' : 'per-use';
  }
  // Devices know float16 but not bfloat16, which only the optimiser can widen for them.
  return bytes > smallBytes && views.every(({ dtype }) => dtype !== 'BF16') ? 'per-use' : 'once';
}

/** What the graphs are compiled for on a provider. */
export function chooseTarget(
  { provider, fusedAttention }: { readonly provider: ProviderName; readonly fusedAttention: boolean },
  widen: GraphTarget['widen'],
): GraphTarget {
  const attention = fusedAttention ? 'fused' : 'composed';
  if (provider === 'cpu')
    return { ...cpuTarget, attention, widen, maxBufferBytes: widen === 'once' ? Infinity : widenedBytes };
  return { attention, rankSlots, int8: 'fused', widen, maxBufferBytes: deviceBufferBytes };
}
