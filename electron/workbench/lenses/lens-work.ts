import { rm } from 'node:fs/promises';
import { FundusLensError } from '../../contract/errors.ts';
import { lensOrderSchema, type LensOrder } from '../../contract/traces/lenses.ts';
import { sha256Schema } from '../../contract/ids.ts';
import { traceRequestSchema } from '../../engine/lens-trace/trace-request.ts';
import { contentKey } from '../../store/database/canonical-json.ts';
import type { Library } from '../../store/library/library.ts';
import type { NewQueuedTask, QueuedTask } from '../../store/queue/queued-task.ts';
import { hashFile } from '../../store/traces/lenses.ts';
import type { QueuedWork, WorkHooks } from '../../tasks/queued-work.ts';
import type { Engines } from '../engines.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { folderOf } from '../models/model-state.ts';
import { nameTaken } from '../name-taken.ts';
import { chosenImages } from '../traces/enqueue.ts';
import { splitPatients } from './split-patients.ts';

interface LensTools {
  readonly session: LibrarySession;
  readonly engines: Engines;
  readonly events: EventLog;
}

const queuedLensSchema = lensOrderSchema.extend({
  modelSha256: sha256Schema,
  provider: traceRequestSchema.shape.provider,
});

type QueuedLens = ReturnType<typeof queuedLensSchema.parse>;

/**
 * A task for an order; a second order like it is another task.
 *
 * @throws FundusLensError `input.invalid` for fewer than two patients or a name that is taken; `model.not-found`
 */
export function toQueuedLens(
  library: Library,
  order: LensOrder,
  provider: QueuedLens['provider'],
  at: string,
): NewQueuedTask {
  const model = library.models.get(order.modelId);
  folderOf(model);
  if (library.lenses.findByName(order.name) !== undefined) throw nameTaken();
  split(library, order);
  const request = { ...order, modelSha256: model.sha256, provider };
  return {
    kind: 'lens-fit',
    contentKey: contentKey({ schema: 'fundus-lens.lens-fit/1', ...request, at }),
    request,
    imageId: null,
    modelKey: model.sha256,
    priority: 0,
  };
}

function split(library: Library, { images, heldOut, seed }: LensOrder) {
  const chosen = chosenImages(library, images).map((id) => library.images.get(id));
  return splitPatients(chosen, heldOut, seed);
}

/** Fits of the queue: each makes one lens, in the model's own process. */
export function lensWork(tools: LensTools): QueuedWork {
  return {
    describe: (tasks) => tasks.map((task) => describeFit(tools.session.library, task)),
    run: async ({ request }, hooks) => {
      const { library } = tools.session;
      const order = queuedLensSchema.parse(request);
      const file = library.lenses.newFile();
      try {
        const description = await fitLens(tools, order, file, hooks);
        const sha256 = await hashFile(file);
        return {
          store: () => {
            if (library.lenses.findByName(order.name) !== undefined) throw nameTaken();
            library.lenses.add({ name: order.name, source: 'fitted', description }, file, sha256);
            return null;
          },
          stored: () => tools.events.publish({ type: 'library', what: 'lenses', ids: [] }),
        };
      } catch (error) {
        await rm(file, { force: true });
        throw error;
      }
    },
  };
}

async function fitLens(
  { session, engines }: LensTools,
  order: QueuedLens,
  file: string,
  { signal, onProgress }: WorkHooks,
) {
  const { library } = session;
  const model = library.models.get(order.modelId);
  const { fitted, heldOut, patients } = split(library, order);
  const { name, prompt, maxPixels, ridge, provider } = order;
  const filesOf = (images: typeof fitted) => images.map((image) => library.images.readableFile(image));
  const description = await engines.fitLens(
    model.id,
    {
      ...{ modelDir: folderOf(model), provider, prompt, maxPixels, ridge },
      ...{ fitted: filesOf(fitted), heldOut: filesOf(heldOut) },
      ...{ file, label: { name, patients } },
    },
    { signal, onProgress: ({ stage, done, total }) => onProgress(stage, done, total) },
  );
  if (description.model.sha256 === order.modelSha256) return description;
  throw new FundusLensError('model.weights-invalid', 'The model folder holds another model than before.', {
    expected: `a checkpoint with SHA-256 ${order.modelSha256}`,
    found: description.model.sha256,
    advice: 'Add the folder again under "Models", then fit the lens anew.',
  });
}

function describeFit(library: Library, { request }: QueuedTask) {
  const order = queuedLensSchema.safeParse(request).data;
  if (order === undefined) return { modelId: null, title: {} };
  const model = library.models.list().find(({ id }) => id === order.modelId)?.name;
  return { modelId: order.modelId, title: { ...(model === undefined ? {} : { model }), prompt: order.name } };
}
