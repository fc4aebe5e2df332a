import type { ConceptOfGroup, EmergenceOfGroup, GroupStatistics } from '../../contract/images/groups.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { summariseEmergence } from '../../engine/readability/groups/group-emergence.ts';
import { compareGroups } from '../../engine/readability/groups/max-t.ts';
import type { GroupComparison } from '../../engine/readability/groups/max-t.ts';
import {
  averageByPatient,
  bootstrapDifference,
  bootstrapMean,
  drawPatients,
  meanCurve,
} from '../../engine/readability/groups/patients.ts';
import type { PatientMeans } from '../../engine/readability/groups/patients.ts';
import type { GroupCurves } from './read-curves.ts';

const reading =
  'Log-probability (nats) of a concept\u2019s words where the answer begins, newest trace of each image. A patient is one observation: ' +
  'the mean over the patient\u2019s images; an image without a patient stands for itself. Intervals: 95 % percentile bootstrap over ' +
  'patients. Emergence: the first layer by which the concept is readable in half of the images, those counted in which it never is.';

const tests: Readonly<Record<GroupComparison['method'], string>> = {
  'sign-flip': 'p: two-sided paired sign-flip test over patients, all of whom are in both groups',
  permutation:
    'p: two-sided permutation test over patients (Welch\u2019s t); patients of both groups left out',
};

/** Draws times patients at most, so that large groups take no longer; what is drawn then is enough for a level of 5 %. */
const mostDraws = 5_000_000;
const fewestSamples = 499;

export interface NamedCurves extends GroupCurves {
  readonly name: string;
}

export interface StatisticsOrder {
  /** In the order of the curves. */
  readonly conceptIds: readonly string[];
  /** Whose mean curve is compared layer by layer. */
  readonly conceptId: string;
  readonly samples: number;
  readonly seed: number;
}

/**
 * What a group's traces say of every concept, and how one of them differs from controls, layer by layer.
 *
 * @throws FundusLensError `input.invalid` when a group has fewer than two patients with a fitting trace, or too few are left
 *   to compare
 */
export function groupStatistics(
  group: NamedCurves,
  control: NamedCurves | null,
  { conceptIds, conceptId, samples: asked, seed }: StatisticsOrder,
): GroupStatistics {
  const groups = control === null ? [group] : [group, control];
  const largest = Math.max(...groups.map(({ photographs }) => photographs.length));
  const samples = Math.min(asked, Math.max(fewestSamples, Math.floor(mostDraws / Math.max(1, largest))));
  const chosen = conceptIds.indexOf(conceptId);
  const [own, other] = groups.map((curves) => patientsOf(curves, chosen));
  const summarise = (patients: PatientMeans, { photographs, numUnread, numOther }: GroupCurves) => {
    const { numPatients: patientCount, mean, lower, upper } = bootstrapMean(patients, samples, seed);
    const counts = { unreadCount: numUnread, otherCount: numOther };
    return { traceCount: photographs.length, patientCount, ...counts, mean, lower, upper };
  };
  const difference = other === undefined ? null : compare(own!, other, samples, seed);
  const test =
    difference === null
      ? ''
      : ` ${tests[difference.test]}, (1 + as extreme) / (1 + samples), corrected by max-T (Westfall & Young): of the curve over its ` +
        'layers, of the table over its concepts at the last layer.';
  return {
    reading: group.reading,
    samples,
    group: summarise(own!, group),
    control: other === undefined ? null : summarise(other, control!),
    difference,
    concepts: describeConcepts(groups, conceptIds, samples, seed),
    method: `${reading}${test} ${samples} samples, seeded, so that it repeats.`,
  };
}

function describeConcepts(
  groups: readonly NamedCurves[],
  conceptIds: readonly string[],
  samples: number,
  seed: number,
): ConceptOfGroup[] {
  const emergences = groups.map((curves) => describeEmergences(curves, conceptIds, samples, seed));
  const lasts = groups.map(({ photographs, numLayers }) =>
    averageByPatient(
      photographs.map(({ patient, logProbs }) => ({
        patient,
        curve: conceptIds.map((_, index) => logProbs[(index + 1) * numLayers - 1]!),
      })),
    ),
  );
  const means = lasts.map((patients) => meanCurve([...patients.values()]));
  const [own, other] = lasts;
  const compared = other === undefined ? null : compareGroups(own!, other, samples, seed);
  return conceptIds.map((conceptId, index) => ({
    conceptId,
    group: emergences[0]![index]!,
    control: emergences[1]?.[index] ?? null,
    lastLayer: {
      mean: means[0]![index]!,
      control: means[1]?.[index] ?? null,
      difference: compared?.difference[index] ?? null,
      correctedPValue: compared?.correctedP[index] ?? null,
    },
  }));
}

function describeEmergences(
  { photographs, numLayers }: GroupCurves,
  conceptIds: readonly string[],
  samples: number,
  seed: number,
): (EmergenceOfGroup | null)[] {
  const draws = new Map<number, Uint16Array>();
  const drawOnce: typeof drawPatients = (count) => {
    const known = draws.get(count) ?? drawPatients(count, samples, seed);
    draws.set(count, known);
    return known;
  };
  return conceptIds.map((_, index) => {
    const asked = photographs.flatMap(({ patient, emergence }) => {
      const layer = emergence[index];
      return layer === undefined ? [] : [{ patient, layer }];
    });
    if (asked.length === 0) return null;
    const found = summariseEmergence(asked, numLayers, samples, seed, drawOnce);
    return {
      ...{ imageCount: found.numPhotographs, cumulative: found.cumulative, layer: found.layer },
      layerInterval: [...found.interval],
      ...{ never: found.never, neverInterval: [...found.neverInterval] },
    };
  });
}

/** @throws FundusLensError `input.invalid` of fewer than two */
function patientsOf({ name, photographs, numLayers }: NamedCurves, concept: number): PatientMeans {
  const patients = averageByPatient(
    photographs.map(({ patient, logProbs }) => ({
      patient,
      curve: logProbs.subarray(concept * numLayers, (concept + 1) * numLayers),
    })),
  );
  if (patients.size >= 2) return patients;
  throw tooFew(`${patients.size} in "${name}"`);
}

function compare(
  group: PatientMeans,
  control: PatientMeans,
  samples: number,
  seed: number,
): NonNullable<GroupStatistics['difference']> {
  const numShared = [...group.keys()].filter((patient) => control.has(patient)).length;
  const isPaired = numShared === Math.min(group.size, control.size);
  if (!isPaired && Math.min(group.size, control.size) - numShared < 2)
    throw tooFew(`${numShared} patients in both groups, and fewer than two in one of them alone`);
  const { difference, p, correctedP, leftOut, method } = compareGroups(group, control, samples, seed);
  const { lower, upper } = bootstrapDifference(group, control, samples, seed);
  return {
    ...{ mean: difference, lower, upper, pValue: p, correctedPValue: correctedP },
    ...{ test: method, leftOutCount: leftOut.length },
  };
}

function tooFew(found: string): FundusLensError {
  return new FundusLensError('input.invalid', 'A group needs at least two patients with traced images.', {
    expected: 'two or more patients with a trace by this model, of this prompt, with this concept',
    found,
    advice: 'Trace the images of the group first, or add images of other patients.',
  });
}
