import type { Model } from '../model/model.ts';
import { chooseBatchSize } from './batch-size.ts';
import { encodePrefixes, fillPrefixes, prefixKey, type PrefixInput } from './image-prefix.ts';
import { togetherOrOneByOne } from './together.ts';
import type { Prefix, PrefixMemory } from './prefix-memory.ts';

/**
 * The prefixes of several images, first those that are remembered, then the others by grid, as many at a time as fit.
 *
 * New ones are remembered only in free memory, so that controls do not evict the images under study.
 *
 * @param options.positionsOf to be read of a prefix, ascending; the same for equal grids
 * @param options.onEncoded called with a number of images when the vision tower has seen them, and awaited; may throw
 */
export async function* readPrefixes(
  model: Model,
  memory: PrefixMemory,
  inputs: readonly PrefixInput[],
  {
    positionsOf,
    onEncoded,
  }: {
    readonly positionsOf: (input: PrefixInput) => readonly number[];
    readonly onEncoded: (images: number) => Promise<void>;
  },
): AsyncGenerator<readonly [PrefixInput, Prefix]> {
  const missing: PrefixInput[] = [];
  for (const input of inputs) {
    const known = memory.find(prefixKey(input), positionsOf(input));
    if (known === null) {
      missing.push(input);
    } else {
      await onEncoded(1);
      yield [input, known];
    }
  }
  const groups = intoGroups(missing, (input) =>
    chooseBatchSize(model, memory, input, positionsOf(input).length),
  );
  const encoded: Float32Array[][] = [];
  for (const group of groups) {
    encoded.push(await togetherOrOneByOne(group, (inputs) => encodePrefixes(model, memory, inputs)));
    await onEncoded(group.length);
  }
  await model.vision.rest();
  for (const [index, group] of groups.entries()) {
    const embedsOf = new Map(group.map((input, place) => [input, encoded[index]![place]!]));
    const prefixes = await togetherOrOneByOne(group, (inputs) =>
      fillPrefixes(
        model,
        inputs,
        inputs.map((input) => embedsOf.get(input)!),
        positionsOf(group[0]!),
      ),
    );
    for (const [place, input] of group.entries()) {
      memory.keep(prefixKey(input), prefixes[place]!, { onlyIfRoom: true });
      yield [input, prefixes[place]!];
    }
  }
}

/** Inputs of one grid together, each group at most as large as its first member's limit. */
function intoGroups(
  inputs: readonly PrefixInput[],
  limitOf: (input: PrefixInput) => number,
): PrefixInput[][] {
  const byGrid = Map.groupBy(inputs, ({ image }) => image.grid.join());
  return [...byGrid.values()].flatMap((alike) => {
    const limit = limitOf(alike[0]!);
    return Array.from({ length: Math.ceil(alike.length / limit) }, (_, index) =>
      alike.slice(index * limit, (index + 1) * limit),
    );
  });
}
