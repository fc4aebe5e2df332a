import type { ConceptResult, ConditionResult } from '../../../contract/experiments.ts';
import { summariseEmergence } from '../../../engine/readability/groups/group-emergence.ts';
import { signFlipTest } from '../../../engine/readability/groups/max-t.ts';
import { averageByPatient, bootstrapMean } from '../../../engine/readability/groups/patients.ts';
import type { Plan } from '../plan/plan.ts';
import type { Digest, DigestConcept } from './digest.ts';

/** A photograph's trace, and whose eye it is. */
export interface Observation {
  readonly patient: string;
  readonly digest: Digest;
}

/** Concepts whose curves are drawn, beside the subject and those of hypotheses. */
const mostCurves = 6;
const tokensShown = 3;

type Described = Pick<
  ConditionResult,
  'modelId' | 'modelName' | 'modelSha256' | 'prompt' | 'lens' | 'fittedLens'
>;

/**
 * What a model reads of all photographs by one prompt and lens.
 *
 * @param observations of one model, so that all have the same layers; at least one
 */
export function summariseCondition(
  described: Described,
  observations: readonly Observation[],
  { hypotheses, statistics }: Pick<Plan, 'hypotheses' | 'statistics'>,
): ConditionResult {
  const [{ digest: first }] = observations as [Observation];
  const { layers, subject, leaks } = first;
  const named = new Set([
    ...hypotheses.map(({ concept }) => concept),
    ...(subject === null ? [] : [subject]),
  ]);
  const byConcept = first.concepts.map((concept, index) => ({
    concept,
    found: observations.map(({ patient, digest }) => ({ patient, concept: digest.concepts[index]! })),
  }));
  const readableIn = (found: readonly Found[]) =>
    found.filter(({ concept }) => concept.state === 'readable').length;
  const shown = byConcept
    .filter(({ concept, found }) => !named.has(concept.id) && readableIn(found) > 0)
    .sort((a, b) => readableIn(b.found) - readableIn(a.found))
    .slice(0, mostCurves);
  for (const { concept } of shown) named.add(concept.id);
  const controls = observations.flatMap(({ digest }) =>
    digest.concepts.flatMap(({ numControls }) =>
      numControls === null || numControls === 0 ? [] : numControls,
    ),
  );
  return {
    ...described,
    layers: [...layers],
    photographs: observations.length,
    patients: new Set(observations.map(({ patient }) => patient)).size,
    controls: controls.length === 0 ? null : controls.reduce((least, each) => Math.min(least, each)),
    leaks: [...leaks],
    leading: layers.map((layer, index) => leadingAt(layer, index, observations)),
    ranks: described.lens === 'raw' ? followRanks(observations) : [],
    concepts: byConcept.map(({ found }) =>
      summariseConcept(found, layers.length, statistics, named.has(found[0]!.concept.id)),
    ),
  };
}

interface Found {
  readonly patient: string;
  readonly concept: DigestConcept;
}

function summariseConcept(
  found: readonly Found[],
  numLayers: number,
  { samples, seed }: Plan['statistics'],
  withCurves: boolean,
): ConceptResult {
  const [{ concept: first }] = found as [Found];
  const { id, label, role } = first;
  const count = (state: DigestConcept['state']) =>
    found.filter(({ concept }) => concept.state === state).length;
  const asked = found.filter(
    ({ concept }) => concept.state === 'readable' || concept.state === 'not-readable',
  );
  const emergence =
    asked.length === 0
      ? null
      : summariseEmergence(
          asked.map(({ patient, concept }) => ({ patient, layer: concept.layer })),
          numLayers,
          samples,
          seed,
        );
  return {
    ...{ id, label, role },
    readable: count('readable'),
    never: count('not-readable'),
    notAsked: count('not-asked'),
    notIdentifiable: count('not-identifiable'),
    emergence:
      emergence === null
        ? null
        : {
            patients: emergence.numPatients,
            photographs: emergence.numPhotographs,
            cumulative: emergence.cumulative,
            never: emergence.never,
            neverInterval: [...emergence.neverInterval],
            layer: emergence.layer,
            interval: [...emergence.interval],
          },
    curves: withCurves ? drawCurves(found, samples, seed) : null,
  };
}

function drawCurves(found: readonly Found[], samples: number, seed: number): ConceptResult['curves'] {
  const read = found.flatMap(({ patient, concept: { logOdds, controls } }) =>
    logOdds === null ? [] : [{ patient, curve: logOdds, controls }],
  );
  if (read.length === 0) return null;
  const patients = averageByPatient(read);
  const { numPatients, mean, lower, upper } = bootstrapMean(patients, samples, seed);
  const compared = read.flatMap(({ patient, curve, controls }) =>
    controls === null ? [] : [{ patient, curve, controls }],
  );
  const highest = averageByPatient(compared.map(({ patient, controls }) => ({ patient, curve: controls })));
  const over = averageByPatient(
    compared.map(({ patient, curve, controls }) => ({
      patient,
      curve: controls.map((control, layer) => curve[layer]! - control),
    })),
  );
  const test = over.size < 2 ? null : signFlipTest([...over.values()], samples, seed);
  const all = [...highest.values()];
  return {
    patients: numPatients,
    photographs: { mean, lower, upper },
    controls:
      all.length === 0
        ? null
        : mean.map((_, layer) => all.reduce((sum, curve) => sum + curve[layer]!, 0) / all.length),
    correctedP: test?.correctedP ?? null,
    attainableP: test?.attainableP ?? null,
  };
}

function leadingAt(
  layer: number,
  index: number,
  observations: readonly Observation[],
): ConditionResult['leading'][number] {
  const leading = observations.map(({ digest }) => digest.tokens[index]![0]!);
  const tokens = [...Map.groupBy(leading, ({ id }) => id).values()]
    .sort((a, b) => b.length - a.length)
    .slice(0, tokensShown)
    .map((alike) => ({ text: alike[0]!.text, photographs: alike.length }));
  return { layer, meanProbability: mean(leading.map(({ probability }) => probability)), tokens };
}

/** As the notebook draws it: the i-th largest probability of each layer, labelled by the token of that rank at the last. */
function followRanks(observations: readonly Observation[]): ConditionResult['ranks'] {
  const digests = observations.map(({ digest }) => digest);
  const numRanks = Math.min(...digests.map(({ tokens }) => tokens.at(-1)!.length));
  return Array.from({ length: numRanks }, (_, place) => {
    const labels = digests.map(({ tokens }) => tokens.at(-1)![place]!);
    const [most] = [...Map.groupBy(labels, ({ id }) => id).values()].sort((a, b) => b.length - a.length);
    const byLayer = digests[0]!.tokens.map((_unused, layer) =>
      digests.map(({ tokens }) => tokens[layer]![place]!),
    );
    return {
      rank: place + 1,
      label: most![0]!.text,
      labelled: most!.length,
      probability: byLayer.map((cells) => mean(cells.map(({ probability }) => probability))),
      ofLabel: byLayer.map((cells) => cells.filter(({ id }, image) => id === labels[image]!.id).length),
    };
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
