import type { ConceptSet } from '../../engine/lens-trace/concept-set.ts';
import { traceDefaults, type TraceRequest } from '../../engine/lens-trace/trace-request.ts';
import type { EngineTraceRequest } from '../../engine/process/messages.ts';
import { listControls } from '../../bundled/control-images.ts';

/** The files that a trace is made from. */
export interface TraceSubject {
  readonly modelDir: string;
  /** null for the prompt without any image. */
  readonly imagePath: string | null;
  readonly conceptSet: ConceptSet;
  readonly lens: EngineTraceRequest['lens'];
}

/** A request as the engine takes it; what is left out has the default of {@link traceDefaults}. */
export function toEngineRequest(
  subject: TraceSubject,
  request: Partial<Omit<TraceRequest, 'lens'>> & Pick<TraceRequest, 'prompt'>,
  further: Partial<Pick<EngineTraceRequest, 'upcoming' | 'dumpPath' | 'controlCache'>> = {},
): EngineTraceRequest {
  const { prompt, positions, maxPixels, topK, generate, traceGenerated, controls, provider } = {
    ...traceDefaults,
    ...request,
  };
  return {
    ...subject,
    prompt,
    positions,
    maxPixels,
    topK,
    generate,
    traceGenerated,
    provider,
    controls: controls ? listControls() : null,
    dumpPath: null,
    ...further,
  };
}
