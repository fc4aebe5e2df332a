import { setImmediate } from 'node:timers/promises';
import type { EnqueueOutcome } from '../../contract/jobs.ts';
import type { ImageChoice } from '../../contract/image-query.ts';
import type { TraceOrder } from '../../contract/traces.ts';
import type { Library } from '../../store/library.ts';
import type { Desk } from '../desk.ts';
import { folderOf } from '../models/model-state.ts';
import { findConceptSet } from '../concepts/stored-concept-sets.ts';
import { toNewJob, traceKey } from './trace-job.ts';
import type { TraceJob } from './trace-job.ts';

/** Images put into the queue in one transaction; other calls are served in between. */
const batch = 200;

/** Ids that a choice stands for, in the order of capture. */
export function chosenImages(library: Library, choice: ImageChoice): number[] {
  return 'ids' in choice ? choice.ids : library.search.ids({ filter: choice.filter });
}

/**
 * Puts a job into the queue for every image and prompt. What was traced before in the same way is not traced again.
 *
 * @throws FundusLensError `model.not-found`, `concepts.unknown`
 */
export async function enqueueTraces(
  { session, settings }: Pick<Desk, 'session' | 'settings'>,
  order: TraceOrder,
): Promise<EnqueueOutcome> {
  const { library } = session;
  const model = library.models.get(order.modelId);
  folderOf(model);
  const { set } = findConceptSet(library, order.conceptSetId);
  const conceptSetRow = library.conceptSets.ensure(set);
  const { lens, positions, maxPixels, topK, generate, traceGenerated, controls, priority } = order;
  const common = {
    modelId: model.id,
    modelSha256: model.sha256,
    conceptSetRow,
    conceptSetSha256: library.conceptSets.get(conceptSetRow).sha256,
    lens,
    positions,
    maxPixels,
    topK,
    generate,
    traceGenerated,
    controls,
    provider: order.provider ?? settings.get().provider,
  };
  const outcome: EnqueueOutcome = { added: [], existing: [], requeued: [], traceIds: [] };
  const prompts = [...new Set(order.prompts)];
  const put = (image: { readonly id: number; readonly sha256: string } | null) => {
    for (const prompt of prompts) {
      const job: TraceJob = { ...common, prompt, imageSha256: image?.sha256 ?? null };
      const { added, existing, requeued } = library.jobs.enqueue([
        toNewJob(job, image?.id ?? null, priority),
      ]);
      outcome.added.push(...added);
      outcome.existing.push(...existing);
      outcome.requeued.push(...requeued);
      const traceId = library.traces.findByContentKey(traceKey(job));
      if (traceId !== undefined) outcome.traceIds.push(traceId);
    }
  };
  if (order.images === null) {
    library.transaction(() => put(null));
    return outcome;
  }
  const ids = chosenImages(library, order.images);
  for (let start = 0; start < ids.length; start += batch) {
    const cards = library.search.cards(ids.slice(start, start + batch));
    library.transaction(() => cards.forEach(put));
    await setImmediate();
  }
  return outcome;
}
