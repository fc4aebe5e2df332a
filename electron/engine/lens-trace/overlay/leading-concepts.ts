import type { LensTrace } from '../lens-trace.ts';

/** Ids of the concepts with the largest probability at any layer of a position, targets before controls. */
export function leadingConcepts(trace: LensTrace, positionIndex: number, count: number): string[] {
  const stride = trace.positions.length;
  const best = trace.concepts.map((concept) => {
    let highest = Number.NEGATIVE_INFINITY;
    trace.layers.forEach((_, layer) => {
      highest = Math.max(highest, concept.logProb[layer * stride + positionIndex]!);
    });
    return { id: concept.id, control: concept.role === 'control', highest };
  });
  return best
    .sort((a, b) => Number(a.control) - Number(b.control) || b.highest - a.highest)
    .slice(0, count)
    .map(({ id }) => id);
}
