import { setImmediate } from 'node:timers/promises';
import type { ImageChoice } from '../../contract/image-query.ts';
import type { EnqueueOutcome, TraceOrder } from '../../contract/traces/traces.ts';
import type { Library } from '../../store/library/library.ts';
import { queueTaskId } from '../../tasks/task-queue.ts';
import { folderOf } from '../models/model-state.ts';
import type { LibrarySession } from '../library/library-session.ts';
import type { SettingsFile } from '../settings/settings-file.ts';
import { checkLens } from '../models/find-lens.ts';
import { findConceptSet } from '../concepts/stored-concept-sets.ts';
import { toQueuedTask, traceKey } from './queued-trace.ts';
import type { QueuedTrace } from './queued-trace.ts';

/** Images put into the queue in one transaction; other calls are served in between. */
const batch = 200;

/** Ids that a choice stands for, in the order of capture. */
export function chosenImages(library: Library, choice: ImageChoice): number[] {
  return 'ids' in choice ? choice.ids : library.search.ids({ filter: choice.filter });
}

/**
 * Puts a task into the queue for every image and prompt. What was traced before in the same way is not traced again.
 *
 * @throws FundusLensError `model.not-found`, `concepts.unknown`, `lens.not-found`, `lens.other-model`
 */
export async function enqueueTraces(
  { session, settings }: { readonly session: LibrarySession; readonly settings: SettingsFile },
  order: TraceOrder,
): Promise<EnqueueOutcome> {
  const { library } = session;
  const { images, prompts: asked, modelId, conceptSetId, priority, ...request } = order;
  const model = library.models.get(modelId);
  folderOf(model);
  checkLens(library, order.lens, model);
  const { set } = findConceptSet(library, conceptSetId);
  const conceptSetRow = library.conceptSets.ensure(set);
  const common = {
    modelId: model.id,
    modelSha256: model.sha256,
    conceptSetRow,
    conceptSetSha256: library.conceptSets.get(conceptSetRow).sha256,
    ...request,
    provider: order.provider ?? settings.get().provider,
  };
  const outcome: EnqueueOutcome = { added: [], existing: [], requeued: [], traceIds: [] };
  const prompts = [...new Set(asked)];
  const put = (image: { readonly id: number; readonly sha256: string } | null) => {
    for (const prompt of prompts) {
      const trace: QueuedTrace = { ...common, prompt, imageSha256: image?.sha256 ?? null };
      const { added, existing, requeued } = library.queue.enqueue([
        toQueuedTask(trace, image?.id ?? null, priority),
      ]);
      outcome.added.push(...added.map(queueTaskId));
      outcome.existing.push(...existing.map(queueTaskId));
      outcome.requeued.push(...requeued.map(queueTaskId));
      const traceId = library.traces.findByContentKey(traceKey(trace));
      if (traceId !== undefined) outcome.traceIds.push(traceId);
    }
  };
  if (images === null) {
    library.transaction(() => put(null));
    return outcome;
  }
  const ids = chosenImages(library, images);
  for (let start = 0; start < ids.length; start += batch) {
    const cards = library.search.cards(ids.slice(start, start + batch));
    library.transaction(() => cards.forEach(put));
    await setImmediate();
  }
  return outcome;
}
