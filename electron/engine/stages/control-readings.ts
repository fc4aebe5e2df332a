import { limitDetail } from '../image/limit-detail.ts';
import { openImage } from '../image/open-image.ts';
import { logOdds } from '../lens/emergence.ts';
import { readLens } from '../lens/read-lens.ts';
import type { ResolvedConcept } from '../lens/resolve-concepts.ts';
import type { LoadedModel } from '../model/model.ts';
import type { PrefixInput } from '../prefix-cache/image-prefix.ts';
import type { Prefix, PrefixMemory } from '../prefix-cache/prefix-memory.ts';
import { readPrefixes } from '../prefix-cache/read-prefixes.ts';
import { readPrompt } from '../prefix-cache/read-prompt.ts';
import { composePrompt, type ComposedPrompt } from '../model/compose-prompt.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import type { ControlSource, LensKind } from '../lens-trace/lens-trace.ts';

/** How many positions of each control image are read, evenly spread over it. */
const cellsPerControl = 16;
const controlPercentile = 0.95;

export interface ControlRequest {
  readonly prompt: string;
  /** As of the trace that they are for; null leaves the checkpoint's own limit. */
  readonly maxPixels: number | null;
  readonly lens: LensKind;
  /** Control images; the prompt without any image is read as well. */
  readonly imagePaths: readonly string[];
  readonly concepts: readonly ResolvedConcept[];
  /** Whether positions of the image are compared too, with positions of the control images. */
  readonly imagePositions: boolean;
}

/** What the controls come to: what a concept has to exceed before it counts as readable. */
export interface ControlReadings {
  readonly sources: readonly ControlSource[];
  /** By concept, [N]: 95th percentile of the log-odds at the last position of the prompt. */
  readonly text: readonly (readonly number[])[];
  /** The same over positions of the control images; null when they were not read. */
  readonly image: readonly (readonly number[])[] | null;
}

/**
 * Reads the same prompt over control images and without any image: pictures that do not show what is asked for,
 * so that a concept which the prompt alone calls up is not taken for something seen.
 *
 * @throws FundusLensError `image.*` for a control image that cannot be used; `engine.cancelled`
 * @see LENS, "Safeguards", 4
 */
export async function readControls(
  model: LoadedModel,
  memory: PrefixMemory,
  { prompt: text, maxPixels, lens, imagePaths, concepts, imagePositions }: ControlRequest,
  hooks: TraceHooks,
): Promise<ControlReadings> {
  const { checkpoint, head } = model;
  // Each image is opened, encoded and read; the prompt without any is read, and then all go through the lens.
  const total = 3 * imagePaths.length + 2;
  let done = 0;
  const step = (count = 1) => reportProgress(hooks, 'controls', (done += count), total);
  const processor = limitDetail(checkpoint.imageProcessor, maxPixels);
  const inputs: PrefixInput[] = [];
  for (const path of imagePaths) {
    const image = await openImage(path, processor, memory.facts);
    inputs.push({ image, prompt: composePrompt(checkpoint, text, image.grid, 0) });
    await step();
  }
  const withoutImage = composePrompt(checkpoint, text, null, 0);

  const positionsOf = ({ prompt }: PrefixInput) =>
    imagePositions && prompt.imageSpan !== null ? spread(...prompt.imageSpan) : [];
  const read = async (prompt: ComposedPrompt, prefix: Prefix | null) => {
    const last = prompt.tokenIds.length - 1;
    const cells = prefix?.rows.positions ?? [];
    const ends = { maxLength: last + 1, keepCache: false };
    const reading = await readPrompt(model, prompt, prefix, [...cells, last], ends);
    await step();
    return reading.residual([last, ...cells]);
  };
  const layersOf = new Map<PrefixInput, Float32Array[]>();
  for await (const [input, prefix] of readPrefixes(model, memory, inputs, { positionsOf, onEncoded: step }))
    layersOf.set(input, await read(input.prompt, prefix));
  const layers = [...inputs.map((input) => layersOf.get(input)!), await read(withoutImage, null)];
  const isText = [...inputs.flatMap((input) => [true, ...positionsOf(input).map(() => false)]), true];
  const numText = layers.length;
  await model.decoder.rest();

  const numLayers = layers[0]!.length;
  const residual = Array.from({ length: numLayers }, (_, layer) => join(layers.map((own) => own[layer]!)));
  const ids = concepts.map(({ tokens }) => tokens.map(({ id }) => id));
  const cells = await readLens(
    head,
    residual,
    { kind: lens, topK: 1, concepts: ids },
    hooks.signal === undefined ? {} : { signal: hooks.signal },
  );
  await step();
  const thresholds = (wanted: boolean) =>
    cells.conceptLogProbs.map((logProbs) =>
      residual.map((_, layer) => {
        const row = logProbs.subarray(layer * isText.length, (layer + 1) * isText.length);
        return percentile([...row].filter((__, position) => isText[position] === wanted).map(logOdds));
      }),
    );
  const hasImages = numText < isText.length;
  return {
    sources: [...inputs.map(({ image }) => ({ sha256: image.sha256 })), { sha256: null }],
    text: thresholds(true),
    image: hasImages ? thresholds(false) : null,
  };
}

/** At most {@link cellsPerControl} positions of [start, end), in the middles of equal parts. */
function spread(start: number, end: number): number[] {
  const count = Math.min(cellsPerControl, end - start);
  return Array.from({ length: count }, (_, i) => start + Math.floor(((i + 0.5) * (end - start)) / count));
}

/** 95th percentile with linear interpolation between neighbours, as numpy's default has it. */
function percentile(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = controlPercentile * (sorted.length - 1);
  const low = Math.floor(at);
  const [below, above] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!];
  const value = above === below ? below : below + (at - low) * (above - below);
  // A probability that rounds to 1 has infinite odds, which JSON cannot hold.
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));
}

function join(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
