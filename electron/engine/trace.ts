import type { LensTrace } from './lens-trace/lens-trace.ts';
import { Stages } from './progress/stages.ts';
import type { TraceHooks } from './progress/trace-hooks.ts';
import { assembleTrace } from './stages/assemble-trace.ts';
import { compareWithControls } from './stages/compare-with-controls.ts';
import { writeDump } from './stages/dump.ts';
import { appendGenerated, generate } from './stages/generate.ts';
import type { ModelCache } from './stages/model-cache.ts';
import { openModel } from './stages/open-model.ts';
import { readAnswerWords, readCells } from './stages/read-concepts.ts';
import { encodeInput, readInput } from './stages/read-input.ts';
import { openInput } from './stages/trace-input.ts';
import type { EngineTraceRequest } from './stages/engine-trace-request.ts';

/**
 * From a photograph and a checkpoint to a lens trace: pixels → patches → image embeddings spliced into the
 * prompt → residual stream of every layer → lens.
 *
 * @throws FundusLensError that says what is wrong with the image, the model, the prompt or the options;
 *   `engine.cancelled` when the hooks' signal aborts
 * @see ARCHITECTURE, "From a photograph to a curve"
 */
export async function trace(
  request: EngineTraceRequest,
  hooks: TraceHooks,
  models: ModelCache,
): Promise<LensTrace> {
  const stages = new Stages();
  const { model, lens, concepts, words } = await stages.run('load', () => openModel(models, request, hooks));
  const input = await stages.run('image', () => openInput(model, request, models.prefixes.facts, hooks));
  const encoded = await stages.run('vision', () =>
    encodeInput(model, models.prefixes, input, request.upcoming ?? [], hooks),
  );
  const reading = await stages.run('decoder', () => readInput(model, input, encoded, request, hooks));
  const answerWords = await stages.run('lens', () =>
    readAnswerWords(model, words, input, reading, lens, hooks),
  );
  const generation = await stages.run('generate', () => generate(model, reading, request, hooks));
  const residual = appendGenerated(reading.residual(input.positions), generation);
  const cellsReading = await stages.run('lens', () =>
    readCells(model, { words, concepts }, input, residual, lens, request.topK, hooks),
  );
  const controls = await stages.run('controls', () =>
    compareWithControls(models, model, request, input, words, lens, hooks),
  );
  await model.head.rest();
  const parts = {
    ...{ request, model, lens, input, encoded, reading, generation, concepts },
    ...{ words, answerWords, controls, ...cellsReading },
  };
  if (request.dumpPath !== null) await writeDump(request.dumpPath, parts);
  return assembleTrace(parts, stages.timings(encoded?.reuse ?? null));
}
