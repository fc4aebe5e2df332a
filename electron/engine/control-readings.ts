import { DecoderRun, embedPrompt } from './decoder-run.ts';
import { preprocessImage } from './image/preprocess.ts';
import { logOdds } from './lens/emergence.ts';
import { readLens } from './lens/read-lens.ts';
import type { ResolvedConcept } from './lens/resolve-concepts.ts';
import type { LoadedModel } from './model.ts';
import { composePrompt } from './prompt.ts';
import { reportProgress, type TraceHooks } from './trace-hooks.ts';
import { encodeImage } from './vision-encoder.ts';
import type { ControlSource, LensKind } from '../common/lens-trace.ts';

/** How many positions of each control image are read, evenly spread over it. */
const cellsPerControl = 16;
const controlPercentile = 0.95;

export interface ControlRequest {
  readonly prompt: string;
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
  { prompt: text, lens, imagePaths, concepts, imagePositions }: ControlRequest,
  hooks: TraceHooks,
): Promise<ControlReadings> {
  const { checkpoint, head } = model;
  const inputs: { readonly source: ControlSource; readonly image: PreparedImage | null }[] = [];
  const total = 2 * imagePaths.length + 2;
  const step = (done: number) => reportProgress(hooks, 'controls', done, total);
  for (const path of imagePaths) {
    await step(inputs.length);
    const { sha256, ...image } = await preprocessImage(path, checkpoint.imageProcessor);
    inputs.push({ source: { sha256 }, image: { grid: image.grid, embeds: await encodeImage(model, image) } });
  }
  inputs.push({ source: { sha256: null }, image: null });

  const layers: Float32Array[][] = [];
  let numText = 0;
  const isText: boolean[] = [];
  for (const [index, { image }] of inputs.entries()) {
    await step(imagePaths.length + index);
    const prompt = composePrompt(checkpoint, text, image?.grid ?? null, 0);
    const last = prompt.tokenIds.length - 1;
    const cells = imagePositions && prompt.imageSpan !== null ? spread(...prompt.imageSpan) : [];
    const run = new DecoderRun(model, prompt, last + 1, false);
    const pass = await run.pass(embedPrompt(model, prompt, image?.embeds ?? null), [last, ...cells]);
    layers.push([...pass.residual]);
    isText.push(true, ...cells.map(() => false));
    numText += 1;
  }
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
  await step(total);
  const thresholds = (wanted: boolean) =>
    cells.conceptLogProbs.map((logProbs) =>
      residual.map((_, layer) => {
        const row = logProbs.subarray(layer * isText.length, (layer + 1) * isText.length);
        return percentile([...row].filter((__, position) => isText[position] === wanted).map(logOdds));
      }),
    );
  const hasImages = numText < isText.length;
  return {
    sources: inputs.map(({ source }) => source),
    text: thresholds(true),
    image: hasImages ? thresholds(false) : null,
  };
}

interface PreparedImage {
  readonly grid: readonly [number, number, number];
  readonly embeds: Float32Array;
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
