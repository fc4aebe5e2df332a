import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imagePositions } from '../lens-trace/image-tokens.ts';
import { relativeError } from '../testing/compare-with-reference.ts';
import { checkpointFolder, fixturesFolder, readTensors } from '../testing/reference-fixtures.ts';
import { ModelCache } from '../stages/model-cache.ts';
import { BlockRunner } from './block-runner.ts';
import type { CausalRequest } from '../lens-trace/causal-request.ts';
import { checkCause, openPair } from './check-cause.ts';
import { runBranches, type Branch } from './run-branches.ts';

const models = new ModelCache();
afterAll(() => models.close());

const pair = {
  cleanPath: path.join(fixturesFolder, 'images/portrait-140x196.png'),
  corruptPath: path.join(fixturesFolder, 'causal/turned.png'),
  prompt: 'Describe this image. Answer with one word.',
  maxPixels: null,
};
const fixtures = [
  ...['qwen2-5-vl-untied-f32', 'qwen2-5-vl-tied-bf16', 'qwen2-vl-untied-f32', 'qwen2-vl-tied-f16'],
  ...['qwen3-vl-untied-f32', 'qwen3-vl-tied-f32-outliers'],
  ...['idefics3-untied-f32', 'smolvlm-tied-bf16'],
  ...['gemma3-tied-f32', 'gemma3-untied-bf16-sharded'],
];

describe.each(fixtures)('%s', (name) => {
  it('gives the logits that hooks in PyTorch give', async () => {
    const expected = await readTensors(path.join(fixturesFolder, 'causal', `${name}.safetensors`));
    const of = (tensor: string) => expected.get(tensor)!.data;
    const model = await models.open(checkpointFolder(name), 'cpu', {});
    const { prompt, embeds } = await openPair(model, models, pair, {});
    const sets = [imagePositions(prompt), of('region'), [prompt.tokenIds.length - 1]];
    const patches = of('layers').flatMap((layer) =>
      sets.flatMap((positions) =>
        (['corrupt', 'clean'] as const).map((from): Branch => ({
          from,
          layer,
          positions,
          states: 'other',
          hiddenEdges: [],
          until: layer,
        })),
      ),
    );
    const pairs = of('edges');
    const hiddenEdges = Array.from({ length: pairs.length / 2 }, (_, edge): [number, number] => [
      pairs[2 * edge]!,
      pairs[2 * edge + 1]!,
    ]);
    const [window] = of('window');
    const knockouts = Array.from(
      { length: model.checkpoint.config.decoder.numLayers - window! + 1 },
      (_, layer): Branch => ({
        ...{ from: 'clean', layer, positions: [], states: 'other', hiddenEdges, until: layer + window! },
      }),
    );
    for (const hidesEdges of [true, false]) {
      const runner = new BlockRunner(model, prompt, { hidesEdges });
      const branches = hidesEdges ? [...patches, ...knockouts] : patches;
      const found = await runBranches(model, runner, embeds, branches, {});
      const compare = async (state: Float32Array, tensor: string, at: number) => {
        const logits = await model.head.unembed(state, [false]);
        const size = model.head.numTokens;
        return relativeError(logits, of(tensor).slice(at * size, (at + 1) * size));
      };
      const errors = [
        await compare(found.clean, 'clean', 0),
        await compare(found.corrupt, 'corrupt', 0),
        ...(await Promise.all(patches.map((_, at) => compare(found.branches[at]!, 'patched', at)))),
        ...(await Promise.all(
          branches
            .slice(patches.length)
            .map((_, at) => compare(found.branches[patches.length + at]!, 'knocked_out', at)),
        )),
      ];
      expect(Math.max(...errors)).toBeLessThan(1e-4);
    }
  });

  it('moves the whole difference before the first block, and none after the last', async () => {
    const { clean, corrupt, patches } = await checkCause(
      {
        ...pair,
        ...{ modelDir: checkpointFolder(name), provider: 'cpu', seed: 1, knockoutWindow: 2 },
        ...{ contrast: { a: ['retina', 'fundus'], b: ['macula'] } },
        region: { left: 0, top: 0, right: 0.5, bottom: 0.5 },
      },
      {},
      models,
    );
    const image = patches.find(({ set }) => set === 'image')!;
    const last = patches.find(({ set }) => set === 'last')!;
    expect(image.intoCorrupt[0]).toBeCloseTo(clean, 4);
    expect(image.intoClean[0]).toBeCloseTo(corrupt, 4);
    expect(image.intoCorrupt.at(-1)).toBe(corrupt);
    expect(image.intoClean.at(-1)).toBe(clean);
    expect(last.intoCorrupt[0]).toBeCloseTo(corrupt, 4);
    expect(last.intoCorrupt.at(-1)).toBe(clean);
    expect(patches.map(({ set }) => set)).toEqual(['image', 'region', 'irrelevant', 'text', 'last']);
    expect(patches[1]!.numPositions).toBe(patches[2]!.numPositions);
  });
});

it('refuses a pair of which the grids differ', async () => {
  const request: CausalRequest = {
    ...pair,
    corruptPath: path.join(fixturesFolder, 'images/square-112x112.png'),
    ...{ modelDir: checkpointFolder(fixtures[0]!), provider: 'cpu', seed: 1, knockoutWindow: 0 },
    ...{ contrast: { a: ['retina'], b: ['macula'] }, region: null },
  };
  await expect(checkCause(request, {}, models)).rejects.toMatchObject({
    code: 'input.invalid',
    expected: expect.stringContaining('rows and columns') as string,
  });
});
