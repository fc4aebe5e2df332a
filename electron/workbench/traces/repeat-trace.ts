import type { TraceRequest } from '../../engine/process/messages.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { Desk } from '../desk.ts';
import { folderOf } from '../models/model-state.ts';

/**
 * Runs a stored trace again with the same image, model, prompt, lens and provider.
 *
 * @param change what is read or kept differently this time
 * @throws FundusLensError `model.not-found` or `model.weights-invalid` when the model is gone or another one;
 *   `input.invalid` when the image is
 */
export async function repeatTrace(
  { session, engines }: Pick<Desk, 'session' | 'engines'>,
  traceId: number,
  change: Partial<TraceRequest>,
  signal?: AbortSignal,
): Promise<LensTrace> {
  const { library } = session;
  const summary = library.traces.summary(traceId);
  const stored = library.traces.get(traceId);
  const model = library.models.get(summary.modelId);
  if (stored.image !== null && summary.imageId === null) {
    throw new FundusLensError('input.invalid', 'The image of this trace is not in the library any more.', {
      expected: `the image with SHA-256 ${stored.image.sha256}`,
      advice: 'Import it again.',
    });
  }
  const image = summary.imageId === null ? null : library.images.get(summary.imageId);
  const request: TraceRequest = {
    modelDir: folderOf(model),
    imagePath: image === null ? null : library.images.readableFile(image),
    prompt: stored.prompt.text,
    maxPixels: stored.image?.maxPixels ?? null,
    lens: stored.lens,
    positions: [...stored.positions],
    topK: stored.topK,
    conceptSet:
      summary.conceptSetId === null ? emptyConceptSet : library.conceptSets.get(summary.conceptSetId).set,
    provider: stored.model.provider,
    generate: 0,
    traceGenerated: false,
    controls: null,
    dumpPath: null,
    ...change,
  };
  const trace = await engines.trace(model.id, request, signal === undefined ? {} : { signal });
  if (trace.model.sha256 === stored.model.sha256 && trace.image?.sha256 === stored.image?.sha256)
    return trace;
  throw new FundusLensError('model.weights-invalid', 'Model or image are not those of the stored trace.', {
    expected: `model ${stored.model.sha256}, image ${stored.image?.sha256 ?? 'none'}`,
    found: `model ${trace.model.sha256}, image ${trace.image?.sha256 ?? 'none'}`,
    advice: 'Trace the image again.',
  });
}

const emptyConceptSet: TraceRequest['conceptSet'] = {
  schema: 'fundus-lens.concept-set/1',
  id: 'none',
  title: { en: 'None', ru: 'Нет' },
  concepts: [],
};
