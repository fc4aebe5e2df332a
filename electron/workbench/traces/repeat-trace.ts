import type { EngineTraceRequest } from '../../engine/process/messages.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { Services } from '../services.ts';
import { engineLens, lensOfTrace } from '../models/find-lens.ts';
import { folderOf } from '../models/model-state.ts';
import { toEngineRequest } from '../models/engine-request.ts';

/**
 * Runs a stored trace again with the same image, model, prompt, lens and provider.
 *
 * @param change what is read or kept differently this time
 * @throws FundusLensError `model.not-found` or `model.weights-invalid` when the model is gone or another one;
 *   `input.invalid` when the image is
 */
export async function repeatTrace(
  { session, engines }: Pick<Services, 'session' | 'engines'>,
  traceId: number,
  change: Partial<EngineTraceRequest>,
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
  const request: EngineTraceRequest = {
    ...toEngineRequest(
      {
        modelDir: folderOf(model),
        imagePath: image === null ? null : library.images.readableFile(image),
        conceptSet:
          summary.conceptSetId === null ? emptyConceptSet : library.conceptSets.get(summary.conceptSetId).set,
        lens: engineLens(library, lensOfTrace(library, stored)),
      },
      {
        prompt: stored.prompt.text,
        maxPixels: stored.image?.maxPixels ?? null,
        positions: [...stored.positions],
        topK: stored.topK,
        provider: stored.model.provider,
        generate: 0,
        controls: false,
      },
    ),
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

const emptyConceptSet: EngineTraceRequest['conceptSet'] = {
  schema: 'fundus-lens.concept-set/1',
  id: 'none',
  title: { en: 'None', ru: 'Нет' },
  concepts: [],
};
