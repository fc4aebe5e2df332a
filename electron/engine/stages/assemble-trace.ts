import packageJson from '#package.json' with { type: 'json' };
import { describeWeights } from '../checkpoint/open-checkpoint.ts';
import { readFidelity } from '../fidelity/read-fidelity.ts';
import type { ControlReading } from '../concepts/control-reading.ts';
import { findEmergences, toCurve } from '../concepts/concept-emergence.ts';
import { judgeConcepts } from '../concepts/judge-concepts.ts';
import type { WordReading } from '../concepts/read-words.ts';
import type { Lens } from '../lens/lens.ts';
import type { WordSet } from '../concepts/word-set.ts';
import type { ResolvedConcept } from '../lens/resolve-concepts.ts';
import { findLeaks } from '../lens-trace/find-leaks.ts';
import type { LensTrace, Timings, TraceModel } from '../lens-trace/lens-trace.ts';
import type { TraceWarning } from '../lens-trace/warnings.ts';
import type { LoadedModel } from '../model/model.ts';
import { onnxruntimeVersion } from '../runtime/session.ts';
import type { Generation } from './generate.ts';
import type { CellsReading } from './read-concepts.ts';
import type { InputReading } from './read-input.ts';
import type { TraceInput } from './trace-input.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';

/** What the stages of a trace have found. */
export interface TraceParts extends CellsReading {
  readonly request: EngineTraceRequest;
  readonly model: LoadedModel;
  readonly lens: Lens;
  readonly input: TraceInput;
  readonly reading: InputReading;
  readonly generation: Generation;
  readonly concepts: readonly ResolvedConcept[];
  readonly words: WordSet;
  readonly answerWords: WordReading;
  readonly controls: readonly ControlReading[];
}

/** Puts together what a trace holds: the readings, and everything needed to repeat them. */
export async function assembleTrace(parts: TraceParts, timings: Timings): Promise<LensTrace> {
  const { request, model, lens, input, reading, generation, cells, controls } = parts;
  const { image, prompt } = input;
  const { tokenizer } = model.checkpoint;
  const leaks = findLeaks(request.prompt, request.conceptSet);
  const length = prompt.tokenIds.length;
  const { topIds, topLogProbs, entropy, klToFinal, residualNorm } = cells;
  return {
    schema: 'fundus-lens.trace/1',
    model: { ...describeModel(model), deviceMemoryUsedBytes: await model.provider.measureMemory() },
    image: image && {
      sha256: image.sha256,
      width: image.width,
      height: image.height,
      resized: [...image.resized],
      grid: [...image.grid],
      cells: [...prompt.cells],
      ...(request.maxPixels == null ? {} : { maxPixels: request.maxPixels }),
    },
    prompt: {
      text: prompt.text,
      rendered: prompt.rendered,
      tokenIds: [...prompt.tokenIds],
      imageSpan: prompt.imageSpan,
      ...(prompt.imagePieces.length > 1 ? { imagePieces: prompt.imagePieces } : {}),
      leaks,
    },
    lens: lens.kind,
    ...(lens.fitted === null ? {} : { fittedLens: lens.fitted.label }),
    positions: [...input.positions, ...generation.residual.map((_, index) => length + index)],
    layers: reading.pass.residual.map((_, layer) => layer),
    topK: request.topK,
    cells: { topIds, topLogProbs, entropy, klToFinal, residualNorm },
    tokenTexts: Object.fromEntries([...new Set(topIds)].map((id) => [id, tokenizer.tokenText(id)])),
    concepts: traceConcepts(parts),
    controls: controls.map(({ source }) => source),
    generated: {
      ids: [...generation.ids],
      text: tokenizer.decode(generation.ids),
      ended: generation.ended,
    },
    gate: reading.gate,
    timings,
    software: {
      name: 'fundus-lens',
      version: packageJson.version,
      onnxruntime: onnxruntimeVersion,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    },
    warnings: findWarnings(lens, model, input, leaks),
  };
}

function traceConcepts(parts: TraceParts): LensTrace['concepts'] {
  const { input, generation, cells, concepts, controls, words, answerWords, telling, imageColumns } = parts;
  const findings = judgeConcepts(words, answerWords, controls);
  const length = input.prompt.tokenIds.length;
  const circumstances = {
    ...{ words, controls, answer: length - 1, telling, imageColumns },
    positions: [...input.positions, ...generation.residual.map((_, index) => length + index)],
  };
  return concepts.map((concept, index) => ({
    ...concept,
    logProb: cells.conceptLogProbs[index]!,
    rank: cells.conceptRanks[index]!,
    words: toCurve(answerWords.scores[index]!),
    finding: findings[index]!,
    emergence: findEmergences(index, findings[index]!, circumstances),
  }));
}

function describeModel({ checkpoint, fingerprint, provider, head }: LoadedModel): TraceModel {
  const { family, config, id, folder, prepared } = checkpoint;
  const { numLayers, dModel, vocabSize } = config.decoder;
  return {
    id,
    family: family.modelType,
    sha256: fingerprint.sha256,
    numLayers,
    dModel,
    vocabSize,
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

function findWarnings(
  { kind, fitted }: Lens,
  { checkpoint, provider: { provider, fallback }, memory }: LoadedModel,
  { image, prompt }: Pick<TraceInput, 'image' | 'prompt'>,
  leaks: readonly string[],
): TraceWarning[] {
  const warnings: TraceWarning[] = [];
  if (leaks.length > 0) warnings.push({ code: 'prompt-names-concepts', params: { concepts: [...leaks] } });
  if (fallback !== null) warnings.push({ code: 'provider-fallback', params: { provider, reason: fallback } });
  if (memory.run.onDevice && !memory.staysLoaded) warnings.push({ code: 'graphs-in-turn' });
  const blocks = checkpoint.config.decoder.deepStackDepth;
  if (image !== null && blocks > 0) warnings.push({ code: 'deep-stack', params: { blocks } });
  if (kind === 'raw') warnings.push({ code: 'raw-lens' });
  if (fitted !== null)
    warnings.push({
      code: kind === 'jacobian' ? 'jacobian-lens' : 'fitted-lens',
      params: { lens: fitted.label.name },
    });
  if (fitted !== null && fitted.unfitted.length > 0)
    warnings.push({
      code: 'lens-layers-missing',
      params: { lens: fitted.label.name, layers: [...fitted.unfitted] },
    });
  if (fitted !== null && fitted.label.prompt !== prompt.text)
    warnings.push({ code: 'lens-other-prompt', params: { lens: fitted.label.name } });
  if (fitted !== null && image !== null && fitted.images.has(image.sha256))
    warnings.push({ code: 'lens-fitted-on-image', params: { lens: fitted.label.name } });
  return warnings;
}
