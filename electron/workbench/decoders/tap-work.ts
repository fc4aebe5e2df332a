import { FundusLensError } from '../../contract/errors.ts';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import { pixelFeatures } from '../../decoder/request/pixels.ts';
import type { TapFeatures } from '../../engine/process/messages.ts';
import { readSmallPixels } from '../../ingest/views/small-pixels.ts';
import type { AskedQuestion, StoredFeature } from '../../store/decoders/taps.ts';
import type { Library } from '../../store/library/library.ts';
import type { QueuedTask } from '../../store/queue/queued-task.ts';
import type { QueuedWork, WorkHooks, WorkResult } from '../../tasks/queued-work.ts';
import type { Engines } from '../engines.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { folderOf } from '../models/model-state.ts';
import { fundusQuestions, waysToAsk } from './questions.ts';
import { queuedTapSchema, type QueuedTap } from './queued-tap.ts';

interface TapTools {
  readonly session: LibrarySession;
  readonly engines: Engines;
}

/** Taps of the queue: each reads the features of one image at every layer. */
export function tapWork(tools: TapTools): QueuedWork {
  return {
    describe: (tasks) => describeTaps(tools, tasks),
    run: (task, hooks) => runTap(tools, task, hooks),
  };
}

async function runTap(
  { session, engines }: TapTools,
  { request, imageId }: QueuedTask,
  hooks: WorkHooks,
): Promise<WorkResult> {
  const { library } = session;
  const tap = queuedTapSchema.parse(request);
  const image = library.images.get(imageId ?? 0);
  if (tap.questions !== null) {
    const answers = await askQuestions(library, engines, image, { ...tap, questions: tap.questions }, hooks);
    return {
      store: () => {
        for (const { asked, margins } of answers) library.taps.putAnswer(image.id, tap, asked, margins);
        return null;
      },
    };
  }
  const features = await readFeatures(library, engines, image, tap, hooks);
  return {
    store: () => {
      library.taps.put(image.id, tap, features);
      return null;
    },
  };
}

/**
 * Reads an image's features at every layer.
 *
 * @throws FundusLensError whatever the engine found wrong; `model.weights-invalid`, `image.unreadable` when model or file
 *   are no longer those that were meant
 */
export async function readFeatures(
  library: Library,
  engines: Engines,
  image: LibraryImage,
  { modelId, modelSha256, prompt, maxPixels, provider }: Omit<QueuedTap, 'imageSha256' | 'questions'>,
  { signal, onProgress }: Partial<WorkHooks> = {},
): Promise<StoredFeature[]> {
  const model = library.models.get(modelId);
  const imagePath = library.images.readableFile(image);
  const layers = Array.from({ length: model.numLayers }, (_, index) => index + 1);
  const [{ pixels, width, height }, read] = await Promise.all([
    readSmallPixels(imagePath),
    engines.tap(
      model.id,
      { modelDir: folderOf(model), imagePath, prompt, maxPixels, layers, perToken: false, provider },
      {
        ...(signal === undefined ? {} : { signal }),
        onProgress: ({ stage, done, total }) => onProgress?.(stage, done, total),
      },
    ),
  ]);
  checkOrigin(modelSha256, image, read);
  const { visionMean, imageMean, lastPosition } = read;
  const byLayer = (name: string, { data, shape }: TapFeatures['imageMean']) =>
    read.layers.map((layer, at) => ({
      name,
      layer,
      values: data.slice(at * shape[1]!, (at + 1) * shape[1]!),
    }));
  return [
    { name: 'pixels', layer: 0, values: pixelFeatures(pixels, width, height) },
    { name: 'vision-output', layer: 0, values: visionMean.data },
    ...byLayer('image-mean', imageMean),
    ...byLayer('last-position', lastPosition),
  ];
}

/** Asks questions about an image, in both languages and both polarities. */
async function askQuestions(
  library: Library,
  engines: Engines,
  image: LibraryImage,
  tap: QueuedTap & { readonly questions: readonly string[] },
  { signal, onProgress }: WorkHooks,
): Promise<{ asked: AskedQuestion; margins: Float32Array }[]> {
  const model = library.models.get(tap.modelId);
  const shared = {
    modelDir: folderOf(model),
    imagePath: library.images.readableFile(image),
    maxPixels: tap.maxPixels,
    layers: Array.from({ length: model.numLayers }, (_, index) => index + 1),
    perToken: false,
    provider: tap.provider,
  };
  const answers: { asked: AskedQuestion; margins: Float32Array }[] = [];
  const all = tap.questions.flatMap(waysToAsk);
  for (const [at, asked] of all.entries()) {
    onProgress('decoder', at, all.length);
    const contrast = fundusQuestions.answers[asked.language];
    const read = await engines.tap(model.id, { ...shared, prompt: asked.prompt, contrast }, { signal });
    checkOrigin(tap.modelSha256, image, read);
    answers.push({ asked, margins: read.margins!.data });
  }
  onProgress('decoder', all.length, all.length);
  return answers;
}

function checkOrigin(modelSha256: string, image: LibraryImage, read: TapFeatures): void {
  if (read.model.sha256 !== modelSha256) {
    throw new FundusLensError('model.weights-invalid', 'The model folder holds another model than before.', {
      expected: `a checkpoint with SHA-256 ${modelSha256}`,
      found: read.model.sha256,
      advice: 'Add the folder again under "Models".',
    });
  }
  if (image.renderingPath === null && read.image.sha256 !== image.sha256) {
    throw new FundusLensError('image.unreadable', 'The image file has changed since it was imported.', {
      expected: 'the content that was imported',
      advice: 'Import the file again.',
    });
  }
}

function describeTaps({ session }: TapTools, tasks: readonly QueuedTask[]) {
  const { library } = session;
  const cards = library.search.cards(tasks.flatMap(({ imageId }) => imageId ?? []));
  const images = new Map(cards.map((card) => [card.id, card]));
  const models = new Map(library.models.list().map(({ id, name }) => [id, name]));
  return tasks.map(({ imageId, request }) => {
    const tap = queuedTapSchema.safeParse(request).data;
    const image = images.get(imageId ?? 0);
    return {
      modelId: tap?.modelId ?? null,
      title: {
        ...(image?.patientCode == null ? {} : { patientCode: image.patientCode }),
        ...(image === undefined ? {} : { laterality: image.laterality, fileName: image.fileName }),
        ...(tap === undefined ? {} : { model: models.get(tap.modelId) ?? '', prompt: tap.prompt }),
      },
    };
  });
}
