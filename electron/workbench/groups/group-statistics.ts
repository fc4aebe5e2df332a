import type { z } from 'zod';
import type { GroupStatistics, groupStatisticsInputSchema } from '../../contract/groups.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { Library } from '../../store/library.ts';
import { createRandom, interval, meanOf, permutationPValue, holmCorrect } from '../compare/resampling.ts';

type Curves = readonly (readonly number[])[];

const method =
  'Concept log-probability (nats) at the last traced position, newest trace of each image. Intervals: 95 % percentile ' +
  'bootstrap over images. p: two-sided permutation test of the difference of means, (1 + as extreme) / (1 + samples), ' +
  'corrected over layers by Holm. Seeded, so that it repeats.';

/**
 * The mean curve of a concept over a group of images, and how it differs from controls.
 *
 * @throws FundusLensError `input.invalid` when fewer than two images of a group have a fitting trace, or their models
 *   differ in depth
 */
export function groupStatistics(
  library: Library,
  input: z.output<typeof groupStatisticsInputSchema>,
): GroupStatistics {
  const group = readCurves(library, input.groupId, input);
  const control = input.controlGroupId === null ? null : readCurves(library, input.controlGroupId, input);
  const random = createRandom(input.groupId * 7919 + (input.controlGroupId ?? 0));
  return {
    group: summarise(group, input.samples, random),
    control: control === null ? null : summarise(control, input.samples, random),
    difference: control === null ? null : compareGroups(group, control, input.samples, random),
    method,
  };
}

function readCurves(
  library: Library,
  groupId: number,
  { modelId, conceptId, promptText }: { modelId: number; conceptId: string; promptText?: string | undefined },
): Curves {
  const traces = library.traces.list({ groupId, modelId, limit: 100_000 });
  const newest = new Map<number, number>();
  for (const { id, imageId, promptText: text } of traces) {
    if (imageId === null || newest.has(imageId)) continue;
    if (promptText === undefined || promptText === text) newest.set(imageId, id);
  }
  const curves = [...newest.values()].flatMap((id) => {
    const trace = library.traces.get(id);
    const concept = trace.concepts.find((candidate) => candidate.id === conceptId);
    if (concept === undefined) return [];
    const numPositions = trace.positions.length;
    return [trace.layers.map((layer) => concept.logProb[layer * numPositions + numPositions - 1]!)];
  });
  if (curves.length >= 2) return curves;
  throw new FundusLensError('input.invalid', 'A group needs at least two traced images.', {
    expected: 'two or more images with a trace by this model, of this prompt, with this concept',
    found: `${curves.length} in "${library.groups.get(groupId).name}"`,
    advice: 'Trace the images of the group first.',
  });
}

function summarise(curves: Curves, samples: number, random: () => number) {
  const mean = meanOf(curves);
  const drawn = Array.from({ length: samples }, () => meanOf(resample(curves, random)));
  const bounds = mean.map((_, layer) => interval(drawn.map((sample) => sample[layer]!)));
  return {
    traceCount: curves.length,
    mean,
    lower: bounds.map(([lower]) => lower),
    upper: bounds.map(([, upper]) => upper),
  };
}

function compareGroups(group: Curves, control: Curves, samples: number, random: () => number) {
  const subtract = (a: readonly number[], b: readonly number[]) => a.map((value, layer) => value - b[layer]!);
  const mean = subtract(meanOf(group), meanOf(control));
  const drawn = Array.from({ length: samples }, () =>
    subtract(meanOf(resample(group, random)), meanOf(resample(control, random))),
  );
  const bounds = mean.map((_, layer) => interval(drawn.map((sample) => sample[layer]!)));
  const pValue = permutationPValue(group, control, samples, random);
  return {
    mean,
    lower: bounds.map(([lower]) => lower),
    upper: bounds.map(([, upper]) => upper),
    pValue,
    correctedPValue: holmCorrect(pValue),
  };
}

function resample(curves: Curves, random: () => number): Curves {
  return curves.map(() => curves[Math.floor(random() * curves.length)]!);
}
