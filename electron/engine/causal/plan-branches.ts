import type { ComposedPrompt } from '../model/compose-prompt.ts';
import type { CausalRequest, KnockoutCurve, PatchCurve } from '../lens-trace/causal-request.ts';
import { knockedOutEdges } from '../lens-trace/causal-request.ts';
import { drawRandomEdges, edgesFromImage } from './choose-edges.ts';
import type { ChosenPositions } from './choose-positions.ts';
import type { Branch } from './run-branches.ts';

/** Curves whose points are places of branches instead of numbers. */
type Planned<T, K extends keyof T> = Omit<T, K> & Readonly<Record<K, readonly number[]>>;

export interface BranchPlan {
  readonly branches: readonly Branch[];
  readonly patches: readonly Planned<PatchCurve, 'intoCorrupt' | 'intoClean'>[];
  readonly meanAblation: readonly number[];
  readonly knockouts: readonly Planned<KnockoutCurve, 'knockedOut' | 'random'>[];
}

/** Every branch that a check needs, and which point of which curve it is. */
export function planBranches(
  sets: ChosenPositions,
  { tokenIds }: Pick<ComposedPrompt, 'tokenIds'>,
  numLayers: number,
  { knockoutWindow, seed }: Pick<CausalRequest, 'knockoutWindow' | 'seed'>,
): BranchPlan {
  const branches: Branch[] = [];
  const add = (branch: Branch) => branches.push(branch) - 1;
  const layers = Array.from({ length: numLayers + 1 }, (_, layer) => layer);
  const exchange = (from: Branch['from'], positions: readonly number[], states: Branch['states']) =>
    layers.map((layer) => add({ from, layer, positions, states, hiddenEdges: [], until: layer }));
  const patches = [...sets].map(([set, positions]) => ({
    set,
    numPositions: positions.length,
    intoCorrupt: exchange('corrupt', positions, 'other'),
    intoClean: exchange('clean', positions, 'other'),
  }));
  const meanAblation = exchange('clean', sets.get('image')!, 'mean');
  const window = Math.min(knockoutWindow, numLayers);
  const starts = layers.slice(0, numLayers + 1 - window);
  const knockOut = (hiddenEdges: Branch['hiddenEdges']) =>
    starts.map((layer) =>
      add({ from: 'clean', layer, positions: [], states: 'other', hiddenEdges, until: layer + window }),
    );
  const length = tokenIds.length;
  const knockouts =
    window === 0
      ? []
      : knockedOutEdges.map((edges) => {
          const hidden = edgesFromImage(edges, sets.get('image')!, length);
          const random = drawRandomEdges(hidden, length, seed);
          return {
            ...{ edges, numEdges: hidden.length, window },
            ...{ knockedOut: knockOut(hidden), random: knockOut(random) },
          };
        });
  return { branches, patches, meanAblation, knockouts };
}
