import { DecoderRun, embedPrompt } from '../model/decoder-run.ts';
import { inputWidth } from '../families/shared/model-config.ts';
import type { OpenedImage } from '../image/open-image.ts';
import type { Model } from '../model/model.ts';
import type { ComposedPrompt } from '../model/compose-prompt.ts';
import { encodeImages } from '../model/vision-encoder.ts';
import type { Prefix, PrefixMemory } from './prefix-memory.ts';

/** An image and a prompt about it. */
export interface PrefixInput {
  readonly image: OpenedImage;
  readonly prompt: ComposedPrompt;
}

/** Positions up to the end of the image; at least one position of the prompt comes after them. */
export function prefixLength({
  imageSpan,
  tokenIds,
}: Pick<ComposedPrompt, 'imageSpan' | 'tokenIds'>): number {
  return imageSpan === null ? 0 : Math.min(imageSpan[1], tokenIds.length - 1);
}

/** Equal for prompts that begin alike with the same image. */
export function prefixKey({ image, prompt }: PrefixInput): string {
  const length = prefixLength(prompt);
  const before = prompt.tokenIds.slice(0, prompt.imageSpan?.[0] ?? 0);
  return `${image.sha256} ${image.grid.join('×')} ${before.join()} ${length}`;
}

/**
 * The vision output of images of one grid; those that are not remembered go through the tower in one pass.
 *
 * @returns by input, float32 [cells, inputWidth]
 */
export async function encodePrefixes(
  model: Model,
  memory: PrefixMemory,
  inputs: readonly PrefixInput[],
): Promise<Float32Array[]> {
  const known = inputs.map((input) => memory.embeds(prefixKey(input)));
  const missing = inputs.filter((_, index) => known[index] === null);
  if (missing.length === 0) return known.map((embeds) => embeds!);
  const images: { grid: OpenedImage['grid']; pixelValues: Float32Array }[] = [];
  for (const { image } of missing) images.push({ grid: image.grid, pixelValues: await image.pixelValues() });
  const encoded = await encodeImages(model, images);
  return known.map((embeds) => embeds ?? encoded.shift()!);
}

/**
 * Runs the prompts' positions up to the end of the image through the decoder, all in one pass.
 *
 * A prompt with an image is always read in these two parts, so that its numbers do not depend on whether its first part
 * was remembered.
 *
 * @param inputs prompts that begin alike, with images of one grid
 * @param embeds by input, as {@link encodePrefixes} gives them
 * @param positions to be read, ascending, below {@link prefixLength}
 */
export async function fillPrefixes(
  model: Model,
  inputs: readonly PrefixInput[],
  embeds: readonly Float32Array[],
  positions: readonly number[],
): Promise<Prefix[]> {
  const { decoder } = model.checkpoint.config;
  const width = inputWidth(decoder);
  const { prompt } = inputs[0]!;
  const length = prefixLength(prompt);
  const batch = inputs.length;
  const run = new DecoderRun(model, prompt, { maxLength: length, keepCache: true, batch });
  const stream = new Float32Array(batch * length * width);
  embeds.forEach((own, index) => {
    stream.set(embedPrompt(model, prompt, own).subarray(0, length * width), index * length * width);
  });
  const rows = inputs.flatMap((_, index) => positions.map((position) => index * length + position));
  const residual = await run.fill(stream, rows);
  const caches = run.caches();
  const size = positions.length * decoder.dModel;
  return inputs.map((_, index) => ({
    embeds: embeds[index]!,
    cache: caches[index]!,
    rows: {
      positions,
      residual: positions.length === 0 ? [] : residual.map((layer) => part(layer, index, size, batch)),
    },
  }));
}

/** The rows of one of B images; a copy, so that they do not hold the others' in memory. */
function part(rows: Float32Array, index: number, size: number, batch: number): Float32Array {
  return batch === 1 ? rows : rows.slice(index * size, (index + 1) * size);
}
