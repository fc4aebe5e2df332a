import type { TraceRequest } from './process/messages.ts';
import { FundusLensError } from '../contract/errors.ts';
import type { Gate, LensTrace, TraceModel } from './lens-trace/lens-trace.ts';
import { describeWeights } from './checkpoint/open-checkpoint.ts';
import type { ControlReading } from './controls/control-reading.ts';
import { readShuffled, type ControlRequest } from './controls/read-controls.ts';
import { shuffleCells } from './controls/shuffle-patches.ts';
import { writeDump } from './dump.ts';
import { readFidelity } from './fidelity/read-fidelity.ts';
import { generate } from './generate.ts';
import { limitDetail } from './image/limit-detail.ts';
import { openImage, type OpenedImage } from './image/open-image.ts';
import { findEmergences, readTellingTokens, toCurve } from './lens/concept-emergence.ts';
import { judgeConcepts } from './lens/judge-concepts.ts';
import { findLeaks } from './lens-trace/find-leaks.ts';
import { inTurnWarning } from './lens-trace/warnings.ts';
import { measureParity, readFinalLogits } from './lens/parity-gate.ts';
import { readLens } from './lens/read-lens.ts';
import { readWords } from './lens/read-words.ts';
import { requireRoom } from './memory/fit-memory.ts';
import type { LoadedModel } from './model.ts';
import type { ModelCache } from './model-cache.ts';
import { packageVersion } from './package-version.ts';
import { selectPositions } from './positions.ts';
import { composePrompt } from './prompt.ts';
import { prefixLength } from './prefix-cache/image-prefix.ts';
import { openPrefix } from './prefix-cache/open-prefix.ts';
import { readPrompt } from './prefix-cache/read-prompt.ts';
import { onnxruntimeVersion } from './runtime/session.ts';
import { StageClock } from './stage-clock.ts';
import { reportProgress, type TraceHooks } from './trace-hooks.ts';

/**
 * From a photograph and a checkpoint to a lens trace: pixels → patches → image embeddings spliced into the
 * prompt → residual stream of every layer → lens.
 *
 * The decoder reads the prompt in two parts, up to the end of the image and what follows, so that prompts about the same
 * image can share the first part.
 *
 * @throws FundusLensError that says what is wrong with the image, the model, the prompt or the options;
 *   `engine.cancelled` when the hooks' signal aborts
 * @see ARCHITECTURE, "From a photograph to a curve"
 */
export async function trace(
  request: TraceRequest,
  hooks: TraceHooks,
  models: ModelCache,
): Promise<LensTrace> {
  const clock = new StageClock();
  const model = await models.open(request.modelDir, request.provider, hooks);
  const { checkpoint, head } = model;
  checkTopK(request.topK, head.numTokens);
  const concepts = models.resolve(request.conceptSet, model);
  const words = models.resolveWords(request.conceptSet, model);
  await head.makeRoomFor(concepts.length);
  clock.lap('load');

  const { prefixes } = models;
  const maxPixels = request.maxPixels ?? null;
  const processor = limitDetail(checkpoint.imageProcessor, maxPixels);
  const image =
    request.imagePath === null ? null : await openImage(request.imagePath, processor, prefixes.facts, hooks);
  const prompt = composePrompt(checkpoint, request.prompt, image?.grid ?? null, request.generate);
  const length = prompt.tokenIds.length;
  const positions = selectPositions(request.positions, length, prompt.imageSpan);
  if (image !== null) await requireRoom(model, image.grid, length, positions.length);
  // The last position is always read, because the parity gate judges it.
  const rowsRead = request.dumpPath === null ? [...new Set([...positions, length - 1])] : range(length);
  clock.lap('image');

  await reportProgress(hooks, 'vision', 0, 1);
  const upcoming = request.upcoming ?? [];
  const inPrefix = rowsRead.filter((position) => position < prefixLength(prompt));
  const opened =
    image === null
      ? null
      : await openPrefix(
          model,
          prefixes,
          { input: { image, prompt }, positions: inPrefix, upcoming, processor },
          hooks,
        );
  await reportProgress(hooks, 'vision', 1, 1);
  clock.lap('vision');

  await reportProgress(hooks, 'decoder', 0, 2);
  const prefix = opened === null ? null : await opened.read();
  await reportProgress(hooks, 'decoder', 1, 2);
  const reading = await readPrompt(model, prompt, prefix, rowsRead, {
    maxLength: length + request.generate,
    keepCache: true,
  });
  const finalLogits = await readFinalLogits(model, reading.pass);
  const gate = widerGate(model.gate, measureParity(finalLogits, checkpoint.folder));
  await reportProgress(hooks, 'decoder', 2, 2);
  clock.lap('decoder');

  const answer = {
    prompt,
    residual: reading.residual([length - 1]),
    cache: reading.run.caches()[0]!,
    lens: request.lens,
  };
  const wordReading = await readWords(model, words, answer, hooks);
  clock.lap('lens');

  const generation = await generate(
    model,
    reading.run,
    finalLogits.model,
    { count: request.generate, traced: request.traceGenerated },
    hooks,
  );
  await model.decoder.rest();
  clock.lap('generate');

  const ofPrompt = reading.residual(positions);
  const residual =
    generation.residual.length === 0
      ? ofPrompt
      : ofPrompt.map((stream, layer) =>
          concatenate([stream, ...generation.residual.map((layers) => layers[layer]!)]),
        );
  const cells = await readLens(
    head,
    residual,
    {
      kind: request.lens,
      topK: request.topK,
      concepts: concepts.map(({ tokens }) => tokens.map(({ id }) => id)),
    },
    hooks,
  );
  const imageColumns = positions.flatMap((position, column) =>
    prompt.imageSpan !== null && position >= prompt.imageSpan[0] && position < prompt.imageSpan[1]
      ? [column]
      : [],
  );
  const telling = await readTellingTokens(
    model,
    words,
    pickColumns(residual, imageColumns, head.dModel),
    request.lens,
    hooks,
  );
  clock.lap('lens');
  const controls =
    request.controls === null || image === null
      ? []
      : await readAllControls(
          models,
          model,
          image,
          { ...request, maxPixels, words, imagePaths: request.controls },
          hooks,
        );
  const findings = judgeConcepts(words, wordReading, controls);
  await head.rest();
  clock.lap('controls');
  if (request.dumpPath !== null) {
    await writeDump(request.dumpPath, model, {
      pixelValues: image === null ? null : await image.pixelValues(),
      imageEmbeds: opened?.embeds ?? null,
      residual: reading.residual(rowsRead),
      finalState: reading.pass.finalState,
      finalLogits: finalLogits.model,
      positionIds: reading.run.positionIds.map((axis) => axis.subarray(0, length)),
    });
  }

  const leaks = findLeaks(request.prompt, request.conceptSet);
  const allPositions = [...positions, ...generation.residual.map((_, index) => length + index)];
  return {
    schema: 'fundus-lens.trace/1',
    model: { ...describeModel(model), deviceMemoryUsedBytes: await model.provider.measureMemory() },
    image: image && {
      sha256: image.sha256,
      width: image.width,
      height: image.height,
      resized: [...image.resized],
      grid: [...image.grid],
      ...(maxPixels === null ? {} : { maxPixels }),
    },
    prompt: {
      text: prompt.text,
      rendered: prompt.rendered,
      tokenIds: [...prompt.tokenIds],
      imageSpan: prompt.imageSpan && [...prompt.imageSpan],
      leaks,
    },
    lens: request.lens,
    positions: allPositions,
    layers: range(residual.length),
    topK: request.topK,
    cells: {
      topIds: cells.topIds,
      topLogProbs: cells.topLogProbs,
      entropy: cells.entropy,
      klToFinal: cells.klToFinal,
      residualNorm: cells.residualNorm,
    },
    tokenTexts: Object.fromEntries(
      [...new Set(cells.topIds)].map((id) => [id, checkpoint.tokenizer.tokenText(id)]),
    ),
    concepts: concepts.map((concept, index) => ({
      ...concept,
      logProb: cells.conceptLogProbs[index]!,
      rank: cells.conceptRanks[index]!,
      words: toCurve(wordReading.scores[index]!),
      finding: findings[index]!,
      emergence: findEmergences(index, findings[index]!, {
        words,
        controls,
        positions: allPositions,
        answer: length - 1,
        imageColumns,
        telling,
      }),
    })),
    controls: controls.map(({ source }) => source),
    generated: {
      ids: [...generation.ids],
      text: checkpoint.tokenizer.decode(generation.ids),
      ended: generation.ended,
    },
    gate,
    timings: clock.timings(opened?.reuse ?? null),
    software: {
      name: 'fundus-lens',
      version: packageVersion,
      onnxruntime: onnxruntimeVersion,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    },
    warnings: describeWarnings(request, model, leaks),
  };
}

/** The pictures and the prompt alone, which are remembered, and this image with its patches shuffled, which is not. */
async function readAllControls(
  models: ModelCache,
  model: LoadedModel,
  image: OpenedImage,
  request: ControlRequest & Pick<TraceRequest, 'controlCache'>,
  hooks: TraceHooks,
): Promise<ControlReading[]> {
  const { prompt, maxPixels, lens, imagePaths, words, controlCache = null } = request;
  const remembered = await models.readControls(
    model,
    { prompt, maxPixels, lens, imagePaths, words },
    controlCache,
    hooks,
  );
  const shuffled = await readShuffled(
    model,
    models.prefixes,
    shuffleCells(image, 1),
    { prompt, lens, words },
    hooks,
  );
  return [...remembered, shuffled];
}

/** By layer, float32 [columns, D]. */
function pickColumns(
  residual: readonly Float32Array[],
  columns: readonly number[],
  dModel: number,
): Float32Array[] {
  return residual.map((stream) => {
    const picked = new Float32Array(columns.length * dModel);
    columns.forEach((column, at) =>
      picked.set(stream.subarray(column * dModel, (column + 1) * dModel), at * dModel),
    );
    return picked;
  });
}

function describeModel({ checkpoint, fingerprint, provider, head }: LoadedModel): TraceModel {
  const { architecture, config, id, folder, prepared } = checkpoint;
  return {
    id,
    family: architecture.modelType,
    sha256: fingerprint.sha256,
    numLayers: config.decoder.numLayers,
    dModel: config.decoder.dModel,
    vocabSize: config.decoder.vocabSize,
    tokenizerSize: head.numTokens,
    weightDtype: describeWeights(checkpoint),
    ...(prepared === null ? {} : { fidelity: readFidelity(folder, prepared.id) }),
    provider: provider.provider,
    providerRequested: provider.requested,
    providerFallback: provider.fallback,
    device: provider.device,
    deviceMemoryBytes: provider.deviceMemoryBytes,
  };
}

function describeWarnings(
  request: TraceRequest,
  { provider, memory }: LoadedModel,
  leaks: readonly string[],
): string[] {
  const warnings: string[] = [];
  if (leaks.length > 0) {
    warnings.push(
      `The prompt itself names: ${leaks.join(', ')}. What is read for these concepts may echo the question.`,
    );
  }
  if (provider.fallback !== null) {
    warnings.push(
      `Runs on "${provider.provider}" because the better providers cannot be used here: ${provider.fallback}.`,
    );
  }
  if (memory.run.onDevice && !memory.staysLoaded) {
    warnings.push(inTurnWarning);
  }
  if (request.lens === 'raw') {
    warnings.push(
      'The raw lens leaves out the final norm; it reproduces the notebook and says little about the model.',
    );
  }
  return warnings;
}

function checkTopK(topK: number, numTokens: number): void {
  if (Number.isInteger(topK) && topK >= 1 && topK <= numTokens) return;
  throw new FundusLensError('trace.top-k', 'The number of tokens to keep is out of range.', {
    expected: `a whole number from 1 to ${numTokens}, the size of the vocabulary`,
    found: String(topK),
    advice: 'Use --top-k 10.',
  });
}

function widerGate(a: Gate, b: Gate): Gate {
  return a.maxAbsDiff / a.tolerance > b.maxAbsDiff / b.tolerance ? a : b;
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
