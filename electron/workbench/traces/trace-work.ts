import type { EngineProgress } from '../../engine/lens-trace/progress.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { QueuedTask } from '../../store/queue/queued-task.ts';
import type { QueuedWork, WorkHooks, WorkResult } from '../../tasks/queued-work.ts';
import type { Engines } from '../engines.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { folderOf, noteGate } from '../models/model-state.ts';
import { toEngineRequest } from '../models/engine-request.ts';
import { choiceOf, engineLens } from '../models/find-lens.ts';
import { queuedTraceSchema, traceKey } from './queued-trace.ts';
import type { QueuedTrace } from './queued-trace.ts';
import { upcomingImages } from './upcoming-images.ts';

interface TraceTools {
  readonly session: LibrarySession;
  readonly engines: Engines;
  readonly events: EventLog;
  /** Keeps what controls came to, for every model and prompt. */
  readonly controlCache: string;
  readonly onError: (event: string, error: unknown) => void;
}

/** Traces of the queue: each reads one image, or a prompt alone, and stores what was read. */
export function traceWork(tools: TraceTools): QueuedWork {
  return {
    describe: (tasks) => describeTraces(tools, tasks),
    run: (task, hooks) => runTrace(tools, task, hooks),
  };
}

async function runTrace(tools: TraceTools, task: QueuedTask, hooks: WorkHooks): Promise<WorkResult> {
  const { library } = tools.session;
  const queued = queuedTraceSchema.parse(task.request);
  const contentKey = traceKey(queued);
  const known = library.traces.findByContentKey(contentKey);
  // As after a crash between two processes.
  if (known !== undefined) return { store: () => known };
  const trace = await computeTrace(tools, task, queued, hooks);
  const { set: conceptSet } = library.conceptSets.get(queued.conceptSetRow);
  return {
    store: () => library.traces.insert(trace, { imageId: task.imageId, contentKey, conceptSet }),
    stored: () => {
      const traceId = library.traces.findByContentKey(contentKey);
      if (traceId === undefined) return;
      noteGate(library, trace);
      tools.events.publish({ type: 'library', what: 'traces', ids: [traceId] });
      tools.events.publish({ type: 'models' });
    },
  };
}

async function computeTrace(
  { session, engines, controlCache, onError }: TraceTools,
  task: QueuedTask,
  queued: QueuedTrace,
  { signal, onProgress }: WorkHooks,
): Promise<LensTrace> {
  const { library } = session;
  const model = library.models.get(queued.modelId);
  const image = task.imageId === null ? null : library.images.get(task.imageId);
  const request = toEngineRequest(
    {
      modelDir: folderOf(model),
      imagePath: image === null ? null : library.images.readableFile(image),
      conceptSet: library.conceptSets.get(queued.conceptSetRow).set,
      lens: engineLens(library, queued.lens),
    },
    queued,
    { upcoming: peek(), controlCache },
  );
  const trace = await engines.trace(model.id, request, {
    signal,
    onProgress: ({ stage, done, total }: EngineProgress) => onProgress(stage, done, total),
  });
  if (trace.model.sha256 !== queued.modelSha256) throw otherModel(queued, trace);
  if (choiceOf(trace) !== queued.lens) throw otherLens(queued, trace);
  if (image !== null && image.renderingPath === null && trace.image?.sha256 !== image.sha256) {
    throw otherImage();
  }
  return trace;

  function peek(): string[] {
    try {
      return upcomingImages(library, task, queued);
    } catch (error) {
      onError('queue-peek', error);
      return [];
    }
  }
}

const shownSchema = queuedTraceSchema.pick({ prompt: true, modelId: true }).strip();

function describeTraces({ session }: TraceTools, tasks: readonly QueuedTask[]) {
  const { library } = session;
  const images = new Map(
    library.search.cards(tasks.flatMap(({ imageId }) => imageId ?? [])).map((card) => [card.id, card]),
  );
  const names = new Map<number, string>();
  const nameOf = (id: number) => {
    const name = names.get(id) ?? library.models.get(id).name;
    names.set(id, name);
    return name;
  };
  return tasks.map(({ imageId, request }) => {
    const shown = shownSchema.safeParse(request).data;
    const image = imageId === null ? undefined : images.get(imageId);
    return {
      modelId: shown?.modelId ?? null,
      title: {
        ...(image?.patientCode == null ? {} : { patientCode: image.patientCode }),
        ...(image === undefined ? {} : { laterality: image.laterality, fileName: image.fileName }),
        ...(shown === undefined ? {} : { model: nameOf(shown.modelId), prompt: shown.prompt }),
      },
    };
  });
}

function otherModel({ modelSha256 }: QueuedTrace, { model }: LensTrace): FundusLensError {
  return new FundusLensError('model.weights-invalid', 'The model folder holds another model than before.', {
    expected: `a checkpoint with SHA-256 ${modelSha256}`,
    found: model.sha256,
    advice: 'Add the folder again under "Models", then order the traces anew.',
  });
}

function otherLens({ lens }: QueuedTrace, trace: LensTrace): FundusLensError {
  return new FundusLensError('lens.file-damaged', 'The file of this lens has changed in the library.', {
    expected: lens,
    found: choiceOf(trace),
    advice: 'Remove the lens, and import its file again or fit it anew.',
  });
}

function otherImage(): FundusLensError {
  return new FundusLensError('image.unreadable', 'The image file has changed since it was imported.', {
    expected: 'the content that was imported',
    advice: 'Import the file again.',
  });
}
