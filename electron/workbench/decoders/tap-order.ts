import { presetText } from '../../bundled/prompt-presets.ts';
import type { TapOrder, TapOutcome } from '../../contract/protocols/decoders.ts';
import type { TapShape } from '../../store/decoders/taps.ts';
import type { Library } from '../../store/library/library.ts';
import { queueTaskId } from '../../tasks/task-queue.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { folderOf } from '../models/model-state.ts';
import type { SettingsFile } from '../settings/settings-file.ts';
import { chosenImages } from '../traces/enqueue.ts';
import { toQueuedTap } from './queued-tap.ts';

/** What a model is asked while features are read, unless another prompt is chosen. */
export const tapPrompt = presetText('describe', 'en');

/** @throws FundusLensError `input.invalid` for an unknown model */
export function shapeOf(
  library: Library,
  { modelId, prompt = tapPrompt, maxPixels }: Pick<TapOrder, 'modelId' | 'prompt' | 'maxPixels'>,
): TapShape {
  return { modelSha256: library.models.get(modelId).sha256, prompt, maxPixels };
}

/**
 * Queues a tap for every image without features in this shape.
 *
 * @throws FundusLensError `input.invalid` for an unknown model, `model.not-found` for one that is not on this computer
 */
export function enqueueTaps(
  { session, settings }: { readonly session: LibrarySession; readonly settings: SettingsFile },
  { images, priority, ...order }: TapOrder,
): TapOutcome {
  const { library } = session;
  const model = library.models.get(order.modelId);
  folderOf(model);
  const shape = shapeOf(library, order);
  const ids = chosenImages(library, images);
  const ready = library.taps.tapped(ids, shape);
  const { provider } = settings.get();
  const cards = library.search.cards(ids.filter((id) => !ready.has(id)));
  const { added, existing, requeued } = library.queue.enqueue(
    cards.map(({ id, sha256 }) =>
      toQueuedTap(
        { ...shape, modelId: model.id, imageSha256: sha256, provider, questions: null },
        id,
        priority,
      ),
    ),
  );
  return { tasks: [...added, ...requeued, ...existing].map(queueTaskId), ready: ready.size };
}
