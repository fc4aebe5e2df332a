import { limitDetail } from '../image/limit-detail.ts';
import { positionsPerChunk } from '../memory/memory-needs.ts';
import { readImageFile } from '../image/decode.ts';
import { openImage, type OpenedImage } from '../image/open-image.ts';
import { mapRows, skipNorms, type Lens } from '../lens/lens.ts';
import { gatherRows } from '../lens/read-lens.ts';
import { readWords, type WordReading } from './read-words.ts';
import type { WordSet } from './word-set.ts';
import { imagePositions } from '../lens-trace/image-tokens.ts';
import type { ControlSource } from '../lens-trace/lens-trace.ts';
import type { LoadedModel } from '../model/model.ts';
import type { PrefixInput } from '../prefix-cache/image-prefix.ts';
import type { Prefix, PrefixMemory } from '../prefix-cache/prefix-memory.ts';
import { readPrefixes } from '../prefix-cache/read-prefixes.ts';
import { readPrompt } from '../prefix-cache/read-prompt.ts';
import { composePrompt, type ComposedPrompt } from '../model/compose-prompt.ts';
import { logOddsOf, logSumExp } from '../readability/statistics/log-probability.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import { readShown } from './control-list.ts';
import type { ControlReading } from './control-reading.ts';
import type { ControlStore } from './control-store.ts';

/** How many positions of each control image are read, evenly spread over it. */
const cellsPerControl = 16;

export interface ControlRequest {
  readonly prompt: string;
  /** As of the trace that they are for; null leaves the checkpoint's own limit. */
  readonly maxPixels: number | null;
  readonly lens: Lens;
  /** Control images; the prompt without any image is read as well. */
  readonly imagePaths: readonly string[];
  readonly words: WordSet;
}

/** One control that is still to be read. */
interface Waiting {
  readonly source: ControlSource;
  readonly image: OpenedImage | null;
}

/**
 * Reads the same prompt over control images and without any image: pictures that do not show what is asked for, so that a
 * concept which the prompt alone calls up is not taken for something seen. What the store holds is not read again.
 *
 * @throws FundusLensError `image.*` for a control image that cannot be used; `engine.cancelled`
 * @see LENS, "Safeguards", 4
 */
export async function readControls(
  model: LoadedModel,
  memory: PrefixMemory,
  store: ControlStore,
  { prompt, maxPixels, lens, imagePaths, words }: ControlRequest,
  hooks: TraceHooks,
): Promise<ControlReading[]> {
  const processor = limitDetail(model.checkpoint.imageProcessor, maxPixels);
  const total = 3 * (imagePaths.length + 1);
  let done = 0;
  const step = (count = 1) => reportProgress(hooks, 'controls', (done += count), total);
  const shown = readShown(imagePaths);
  const sources: { readonly source: ControlSource; readonly path: string | null }[] = [
    { source: { sha256: null, kind: 'no-image' }, path: null },
  ];
  for (const path of imagePaths) {
    const { sha256 } = await readImageFile(path);
    sources.push({ source: { sha256, kind: 'picture', shows: [...(shown.get(path) ?? [])] }, path });
  }
  const readings = new Map<ControlSource, ControlReading>();
  const missing: Waiting[] = [];
  for (const { source, path } of sources) {
    const known = await store.find(source);
    // Only what is not known has to be decoded.
    if (known !== null) readings.set(source, known);
    else
      missing.push({ source, image: path === null ? null : await openImage(path, processor, memory.facts) });
    await step(known === null ? 1 : 3);
  }
  for await (const [control, reading] of readAll(
    model,
    memory,
    missing,
    { prompt, lens, words },
    step,
    hooks,
  )) {
    await store.keep(reading);
    readings.set(control.source, reading);
  }
  return sources.map(({ source }) => readings.get(source)!);
}

/** A control that belongs to one trace, and is not remembered: its own image with the patches shuffled. */
export async function readShuffled(
  model: LoadedModel,
  memory: PrefixMemory,
  image: OpenedImage,
  request: Pick<ControlRequest, 'prompt' | 'lens' | 'words'>,
  hooks: TraceHooks,
): Promise<ControlReading> {
  const control = { source: { sha256: null, kind: 'shuffled' as const }, image };
  for await (const [, reading] of readAll(model, memory, [control], request, () => Promise.resolve(), hooks))
    return reading;
  throw new Error('a control was not read');
}

async function* readAll(
  model: LoadedModel,
  memory: PrefixMemory,
  controls: readonly Waiting[],
  { prompt: text, lens, words }: Pick<ControlRequest, 'prompt' | 'lens' | 'words'>,
  step: (count?: number) => Promise<void>,
  hooks: TraceHooks,
): AsyncGenerator<readonly [Waiting, ControlReading]> {
  const { checkpoint } = model;
  const controlOf = new Map<PrefixInput, Waiting>();
  for (const control of controls)
    if (control.image !== null)
      controlOf.set(
        { image: control.image, prompt: composePrompt(checkpoint, text, control.image.grid, 0) },
        control,
      );
  const positionsOf = ({ prompt }: PrefixInput) => spread(imagePositions(prompt));
  const inputs = [...controlOf.keys()];
  for await (const [input, prefix] of readPrefixes(model, memory, inputs, { positionsOf, onEncoded: step })) {
    const control = controlOf.get(input)!;
    yield [control, await readOne(model, input.prompt, prefix, control.source, lens, words, hooks)];
    await step();
  }
  for (const control of controls) {
    if (control.image !== null) continue;
    const prompt = composePrompt(checkpoint, text, null, 0);
    yield [control, await readOne(model, prompt, null, control.source, lens, words, hooks)];
    await step(2);
  }
  await model.decoder.rest();
}

async function readOne(
  model: LoadedModel,
  prompt: ComposedPrompt,
  prefix: Prefix | null,
  source: ControlSource,
  lens: Lens,
  words: WordSet,
  hooks: TraceHooks,
): Promise<ControlReading> {
  const signal = hooks.signal === undefined ? {} : { signal: hooks.signal };
  const last = prompt.tokenIds.length - 1;
  const cells = prefix?.rows.positions ?? [];
  const reading = await readPrompt(model, prompt, prefix, [...cells, last], {
    maxLength: last + 1,
    keepCache: true,
  });
  const answer = { prompt, residual: reading.residual([last]), cache: reading.run.caches()[0]!, lens };
  const { scores, pool } = await readWords(model, words, answer, signal);
  return {
    source,
    answer: scores.map(upperOdds),
    pool,
    cells: cells.length === 0 ? null : await readCells(model, reading.residual(cells), lens, words, signal),
  };
}

function upperOdds({ upperLogProb, upperLogComplement }: WordReading['scores'][number]): Float32Array {
  return Float32Array.from(upperLogProb, (value, layer) => value - upperLogComplement[layer]!);
}

/**
 * By concept, [N]: the highest log-odds of its telling first tokens over the cells; −Infinity where it has none. Ranks, which
 * took as long as everything else together with a large vocabulary, are nothing that a control is asked for.
 */
async function readCells(
  { head }: LoadedModel,
  residual: readonly Float32Array[],
  lens: Lens,
  words: WordSet,
  hooks: TraceHooks,
): Promise<Float32Array[]> {
  const tokens = [...new Set(words.concepts.flatMap(({ firstTokens }) => firstTokens))];
  const placeOf = new Map(tokens.map((token, place) => [token, place]));
  const numLayers = residual.length;
  const highest = words.concepts.map(() => new Float32Array(numLayers).fill(-Infinity));
  const numCells = residual[0]!.length / head.dModel;
  const skipNorm = skipNorms(lens, numLayers);
  const perChunk = positionsPerChunk(head.chunkBytes, head.numTokens, numLayers);
  for (let start = 0; tokens.length > 0 && start < numCells; start += perChunk) {
    await reportProgress(hooks, 'lens', start, numCells);
    const count = Math.min(perChunk, numCells - start);
    const { logProbs } = await head.readTokens(
      gatherRows(mapRows(lens, residual, head.dModel, start, count), 0, count, head.dModel),
      count,
      skipNorm,
      tokens,
    );
    for (let row = 0; row < count * numLayers; row++) {
      words.concepts.forEach(({ firstTokens }, concept) => {
        if (firstTokens.length === 0) return;
        const own = firstTokens.map((token) => logProbs[row * tokens.length + placeOf.get(token)!]!);
        const layer = row % numLayers;
        const odds = logOddsOf(Math.min(logSumExp(own), largestLogProb));
        highest[concept]![layer] = Math.max(highest[concept]![layer]!, odds);
      });
    }
  }
  return highest;
}

/** The largest float32 below ln 1; cells have no complement of their own. */
const largestLogProb = -(2 ** -24);

/** At most {@link cellsPerControl} of the positions, in the middles of equal parts. */
function spread(positions: readonly number[]): number[] {
  const { length } = positions;
  const count = Math.min(cellsPerControl, length);
  return Array.from({ length: count }, (_, i) => positions[Math.floor(((i + 0.5) * length) / count)]!);
}
