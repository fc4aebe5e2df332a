import type { Reuse } from '../lens-trace/lens-trace.ts';
import type { ImageProcessor } from '../image/image-processor.ts';
import { openImage, type OpenedImage } from '../image/open-image.ts';
import type { Model } from '../model/model.ts';
import { isCancelled, type TraceHooks } from '../progress/trace-hooks.ts';
import { chooseBatchSize } from './batch-size.ts';
import { encodePrefixes, fillPrefixes, prefixKey, type PrefixInput } from './image-prefix.ts';
import type { Prefix, PrefixMemory } from './prefix-memory.ts';
import { togetherOrFirst } from './together.ts';

/** A prompt's first part, its image seen by the vision tower but perhaps not yet read by the decoder. */
export interface OpenedPrefix {
  /** float32 [cells, inputWidth] */
  readonly embeds: Float32Array;
  readonly reuse: Reuse;
  /** Runs the decoder over it, unless it is remembered. */
  readonly read: () => Promise<Prefix>;
}

interface PrefixOrder {
  readonly input: PrefixInput;
  /** To be read, ascending, inside the prefix. */
  readonly positions: readonly number[];
  /** Image files that will probably be traced next, with the same positions. */
  readonly upcoming: readonly string[];
  /** How those are turned into patches: as the input was. */
  readonly processor: ImageProcessor;
}

/**
 * Encodes an image, or remembers it; where batches pay, upcoming images of the same grid are taken along and
 * remembered for their own traces.
 *
 * An error in an upcoming image is ignored here; its own trace reports it.
 *
 * @throws FundusLensError `engine.cancelled`
 */
export async function openPrefix(
  model: Model,
  memory: PrefixMemory,
  order: PrefixOrder,
  hooks: TraceHooks,
): Promise<OpenedPrefix> {
  const { input, positions } = order;
  const key = prefixKey(input);
  const known = memory.find(key, positions);
  if (known !== null) {
    const reuse = { vision: true, prefix: true, batch: 1 };
    return { embeds: known.embeds, reuse, read: () => Promise.resolve(known) };
  }
  const vision = memory.embeds(key) !== null;
  const group = await gatherGroup(model, memory, order, hooks);
  const embeds = await togetherOrFirst(group, (inputs) => encodePrefixes(model, memory, inputs));
  const together = group.slice(0, embeds.length);
  await model.vision.rest();
  return {
    embeds: embeds[0]!,
    reuse: { vision, prefix: false, batch: together.length },
    read: async () => {
      const prefixes = await togetherOrFirst(together, (inputs) =>
        fillPrefixes(model, inputs, embeds.slice(0, inputs.length), positions),
      );
      prefixes.forEach((prefix, index) => memory.keep(prefixKey(together[index]!), prefix));
      return prefixes[0]!;
    },
  };
}

/** The input, and after it those upcoming ones that can go with it. */
async function gatherGroup(
  model: Model,
  memory: PrefixMemory,
  { input, positions, upcoming, processor }: PrefixOrder,
  { signal }: TraceHooks,
): Promise<PrefixInput[]> {
  const size = chooseBatchSize(model, memory, input, positions.length);
  const group = [input];
  const keys = new Set([prefixKey(input)]);
  for (const path of upcoming) {
    if (group.length >= size) break;
    const image = await openQuietly(path, processor, memory, signal === undefined ? {} : { signal });
    if (image?.grid.join() !== input.image.grid.join()) continue;
    const other = { image, prompt: input.prompt };
    const key = prefixKey(other);
    if (keys.has(key) || memory.find(key, positions) !== null) continue;
    keys.add(key);
    group.push(other);
  }
  return group;
}

async function openQuietly(
  path: string,
  processor: ImageProcessor,
  { facts }: PrefixMemory,
  hooks: TraceHooks,
): Promise<OpenedImage | null> {
  try {
    return await openImage(path, processor, facts, hooks);
  } catch (error) {
    if (isCancelled(error)) throw error;
    return null;
  }
}
