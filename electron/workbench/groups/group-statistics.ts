import type { z } from 'zod';
import type { GroupStatistics, groupStatisticsInputSchema } from '../../contract/images/groups.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { answerIndex } from '../../engine/lens-trace/reading.ts';
import { compareGroups } from '../../engine/readability/groups/max-t.ts';
import type { GroupComparison } from '../../engine/readability/groups/max-t.ts';
import {
  averageByPatient,
  bootstrapDifference,
  bootstrapMean,
} from '../../engine/readability/groups/patients.ts';
import type { PatientCurve, PatientMeans } from '../../engine/readability/groups/patients.ts';
import { patientKey } from '../patients/patient-key.ts';
import type { Library } from '../../store/library/library.ts';

const reading =
  'Concept log-probability (nats) where the answer begins, newest trace of each image. A patient is one observation: the mean ' +
  'over the patient\u2019s images; an image without a patient stands for itself. Intervals: 95 % percentile bootstrap over patients.';

const tests: Readonly<Record<GroupComparison['method'], string>> = {
  'sign-flip': 'p: two-sided paired sign-flip test over patients, all of whom are in both groups',
  permutation:
    'p: two-sided permutation test over patients (Welch\u2019s t); patients of both groups left out',
};

/**
 * The mean curve of a concept over the patients of a group, and how it differs from controls.
 *
 * @throws FundusLensError `input.invalid` when a group has fewer than two patients with a fitting trace, when too few are
 *   left to compare, or when their models differ in depth
 */
export function groupStatistics(
  library: Library,
  input: z.output<typeof groupStatisticsInputSchema>,
): GroupStatistics {
  const { groupId, controlGroupId, samples } = input;
  const group = readPatients(library, groupId, input);
  const control = controlGroupId === null ? null : readPatients(library, controlGroupId, input);
  const seed = groupId * 7919 + (controlGroupId ?? 0);
  const summarise = ({ traceCount, patients }: Patients) => {
    const { numPatients: patientCount, mean, lower, upper } = bootstrapMean(patients, samples, seed);
    return { traceCount, patientCount, mean, lower, upper };
  };
  const difference = control === null ? null : compare(group.patients, control.patients, samples, seed);
  const test =
    difference === null
      ? ''
      : ` ${tests[difference.test]}, (1 + as extreme) / (1 + samples), corrected over layers by max-T (Westfall & Young).`;
  return {
    group: summarise(group),
    control: control === null ? null : summarise(control),
    difference,
    method: `${reading}${test} Seeded, so that it repeats.`,
  };
}

interface Patients {
  readonly traceCount: number;
  readonly patients: PatientMeans;
}

function readPatients(
  library: Library,
  groupId: number,
  { modelId, conceptId, promptText }: { modelId: number; conceptId: string; promptText?: string | undefined },
): Patients {
  const traces = library.traces.list({ groupId, modelId, limit: 100_000 });
  const newest = new Map<number, number>();
  for (const { id, imageId, promptText: text } of traces) {
    if (imageId === null || newest.has(imageId)) continue;
    if (promptText === undefined || promptText === text) newest.set(imageId, id);
  }
  const curves = [...newest].flatMap(([imageId, id]): PatientCurve[] => {
    const trace = library.traces.get(id);
    const concept = trace.concepts.find((candidate) => candidate.id === conceptId);
    if (concept === undefined) return [];
    const place = answerIndex(trace);
    return [
      {
        patient: patientKey(library.images.get(imageId)),
        curve: trace.layers.map((_, layer) => concept.logProb[layer * trace.positions.length + place]!),
      },
    ];
  });
  const patients = averageByPatient(curves);
  if (patients.size >= 2) return { traceCount: curves.length, patients };
  throw tooFew(`${patients.size} in "${library.groups.get(groupId).name}"`);
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
