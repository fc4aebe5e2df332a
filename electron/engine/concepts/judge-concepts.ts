import type { ControlReading } from './control-reading.ts';
import { judgeReadability, type ConceptEvidence, type ConceptFinding } from '../readability/readability.ts';
import { clipToFloor, countTokenSets, floorLogOdds, readabilityRule as rule } from '../readability/rule.ts';
import { seedOfText } from '../readability/statistics/seeded-random.ts';
import { drawTokenSets, tabulatePool, tokenP, type PoolTable } from '../readability/token-null.ts';
import type { WordReading } from './read-words.ts';
import type { WordSet } from './word-set.ts';

/**
 * Judges every concept where the answer begins, by the rule, against the controls' answers.
 *
 * @param controls none where the trace is compared with nothing
 * @returns in the order of the set
 */
export function judgeConcepts(
  { concepts, pool }: WordSet,
  { scores, pool: own }: WordReading,
  controls: readonly ControlReading[],
): ConceptFinding[] {
  const count = countTokenSets(concepts.length);
  const tables = new Map<number, PoolTable>();
  const tableOf = (layer: number) => {
    const known = tables.get(layer);
    if (known !== undefined) return known;
    const table = tabulatePool(
      own[layer]!,
      controls.map((control) => control.pool[layer]!),
    );
    tables.set(layer, table);
    return table;
  };
  const evidence = concepts.flatMap(({ id, identifiable, owners, beginnings }, index): ConceptEvidence[] => {
    if (!identifiable) return [];
    const leftOut = listLeftOut(owners, controls);
    const compared = controls.flatMap((_, place) => (leftOut.includes(place) ? [] : [place]));
    const { logProb, logComplement } = scores[index]!;
    const logOdds = logProb.map((value, layer) => value - logComplement[layer]!);
    const sets = () => drawTokenSets(pool, beginnings, count, seedOfText(id));
    let drawn: ReturnType<typeof sets> | null = null;
    return [
      {
        ...{ id, logOdds, leftOut, controls: compared.map((place) => controls[place]!.answer[index]!) },
        tokenP: (layer, z) => tokenP(z, (drawn ??= sets()), tableOf(layer), compared),
      },
    ];
  });
  const judged = judgeReadability(evidence);
  return concepts.map(({ id, collisions }) => judged.get(id) ?? { state: 'not-identifiable', collisions });
}

/** Controls that show a concept, or anything that it is a kind of the whole of. */
export function listLeftOut(
  owners: ReadonlySet<string>,
  controls: readonly Pick<ControlReading, 'source'>[],
): number[] {
  return controls.flatMap(({ source }, place) =>
    (source.shows ?? []).some((id) => owners.has(id)) ? [place] : [],
  );
}

/**
 * From which layer on a concept is readable at a position of the image, by the first tokens that tell it apart, against
 * the highest of every control's cells. Weak evidence: no token null, no correction over positions.
 *
 * @param logOdds [N], at one position
 * @param controls [N] of every control that the concept is compared with
 */
export function findImageEmergence(
  logOdds: ArrayLike<number>,
  controls: readonly Float32Array[],
): number | null {
  if (controls.length < rule.minControls) return null;
  let first: number | null = null;
  for (let layer = logOdds.length - 1; layer >= 1; layer--) {
    const highest = Math.max(floorLogOdds, ...controls.map((curve) => curve[layer]!));
    if (clipToFloor(logOdds[layer]!) < highest + rule.minEffect) break;
    first = layer;
  }
  return first;
}
