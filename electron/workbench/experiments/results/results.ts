import { fittedOf, type LensChoice } from '../../../engine/lens-trace/trace-request.ts';
import packageJson from '#package.json' with { type: 'json' };
import { problemSchema } from '../../../contract/problem.ts';
import type { ConditionResult, ExperimentResults } from '../../../contract/experiments.ts';
import type { LibraryImage } from '../../../contract/images/library-image.ts';
import type { StoredExperiment } from '../../../store/experiments/experiments.ts';
import type { Library } from '../../../store/library/library.ts';
import { patientKey } from '../../patients/patient-key.ts';
import { conditionsOf, findCells, viewExperiment } from '../plan/cells.ts';
import { summariseCondition } from './condition-result.ts';
import type { Observation } from './condition-result.ts';
import { readDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { judgeHypotheses } from './hypotheses.ts';
import { planOf } from '../plan/plan.ts';
import { readSaid } from './said.ts';
import { bothSentences } from './sentences.ts';

/** What an experiment came to, of the traces that are there already. */
export async function readResults(library: Library, stored: StoredExperiment): Promise<ExperimentResults> {
  const plan = planOf(stored);
  const cells = findCells(library, stored);
  const images = new Map(plan.photographs.map((sha256) => [sha256, library.images.findBySha256(sha256)]));
  const planned = conditionsOf(plan);
  const digests = new Map<string, Digest>();
  for (const { contentKey, traceId } of cells)
    if (traceId !== null) digests.set(contentKey, readDigest(library, traceId));
  const observed = planned.map((_, index) =>
    cells.flatMap(({ condition, photograph, contentKey }): Observation[] => {
      const digest = condition === index ? digests.get(contentKey) : undefined;
      if (digest === undefined) return [];
      const image = images.get(photograph);
      return [{ digest, patient: image === undefined ? `photograph ${photograph}` : patientKey(image) }];
    }),
  );
  // Conditions without a trace yet are left out.
  const present = planned.flatMap((condition, index) => {
    const model = library.models.findBySha256(condition.modelSha256);
    return observed[index]!.length === 0 || model === undefined ? [] : [{ condition, index, model }];
  });
  const conditions = present.map(({ condition, index, model }): ConditionResult =>
    summariseCondition(
      {
        ...condition,
        ...describeLens(library, condition.lens),
        modelId: model.id,
        modelName: model.name,
      },
      observed[index]!,
      plan,
    ),
  );
  const judged = new Map(
    present.flatMap(({ condition, index }, place) =>
      condition.lens === 'raw' ? [] : [[place, observed[index]!] as const],
    ),
  );
  const hypotheses = judgeHypotheses(plan, judged);
  const [any] = digests.values();
  const subject = any?.subject ?? null;
  const label = any?.concepts.find(({ id }) => id === subject)?.label ?? null;
  const all = [...digests.values()];
  const { set } = library.conceptSets.get(stored.conceptSetId);
  return {
    experiment: viewExperiment(library, stored),
    ...bothSentences({ plan, hypotheses, conditions, subject }),
    hypotheses,
    conditions,
    said: await readSaid(
      library,
      plan.models,
      [...images.values()].flatMap((image) => image?.id ?? []),
    ),
    photographs: plan.photographs.map((sha256) => {
      const image = images.get(sha256);
      return {
        ...describeImage(library, sha256, image),
        cells: present.map(({ index }) => {
          const cell = cells.find(
            ({ photograph, condition }) => photograph === sha256 && condition === index,
          )!;
          const digest = digests.get(cell.contentKey);
          return {
            traceId: cell.traceId,
            answer: digest?.tokens.at(-1)?.[0]?.text ?? '',
            subject: digest === undefined ? null : subjectOf(digest),
            problem: cell.error === null ? null : problemSchema.parse(JSON.parse(cell.error)),
          };
        }),
      };
    }),
    subject: label,
    provenance: {
      planSha256: stored.planSha256,
      fixedAt: stored.createdAt,
      software: `fundus-lens ${packageJson.version}`,
      onnxruntime: any?.onnxruntime ?? null,
      providers: [...new Set(all.map(({ provider }) => provider))],
      weightDtypes: [...new Set(all.map(({ weightDtype }) => weightDtype))],
      rule: plan.rule,
      conceptSet: set.id,
      conceptSetSha256: plan.conceptSetSha256,
      seed: plan.statistics.seed,
      samples: plan.statistics.samples,
    },
  };
}

function describeLens(library: Library, lens: LensChoice): Pick<ConditionResult, 'lens' | 'fittedLens'> {
  const fitted = fittedOf(lens);
  if (fitted === null) return { lens: lens === 'raw' ? 'raw' : 'logit', fittedLens: null };
  const { kind, which: sha256 } = fitted;
  const name = library.lenses.findBySha256(sha256)?.name ?? sha256.slice(0, 12);
  return { lens: kind, fittedLens: { name, sha256 } };
}

function describeImage(library: Library, sha256: string, image: LibraryImage | undefined) {
  if (image === undefined)
    return {
      imageId: null,
      sha256,
      fileName: sha256.slice(0, 12),
      patientCode: null,
      laterality: 'unknown' as const,
    };
  const { id, fileName, patientId, laterality } = image;
  const patientCode = patientId === null ? null : library.patients.get(patientId).code;
  return { imageId: id, sha256, fileName, patientCode, laterality };
}

function subjectOf({ concepts, subject }: Digest): number | 'never' | 'not-asked' | null {
  const concept = concepts.find(({ id }) => id === subject);
  if (concept === undefined) return null;
  if (concept.state === 'not-readable') return 'never';
  return concept.state === 'readable' ? (concept.layer ?? 'never') : 'not-asked';
}
