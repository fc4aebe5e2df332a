import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { StreamedModel } from '../../fidelity/streamed-model.ts';
import { preprocessImage } from '../../image/preprocess.ts';
import { ModelCache } from '../../stages/model-cache.ts';
import { relativeError } from '../../testing/compare-with-reference.ts';
import {
  checkpointFolder,
  fixtureRequest,
  fixturesFolder,
  readTensors,
  referenceCases,
} from '../../testing/reference-fixtures.ts';
import { trace } from '../../trace.ts';
import { qwen3Vl } from './family.ts';

const name = 'qwen3-vl-untied-f32';
const models = new ModelCache();
afterAll(() => models.close());

it.each(referenceCases(name))('gives the same stream block by block: $id', async (reference) => {
  const { data, shape } = (await readTensors(path.join(fixturesFolder, reference.file))).get(
    'residual_stream',
  )!;
  const [numStreams, length, dModel] = shape as [number, number, number];
  const model = await StreamedModel.open(checkpointFolder(name));
  try {
    const file = path.join(fixturesFolder, reference.image);
    const image = await preprocessImage(file, model.checkpoint.imageProcessor);
    const rows = Array.from({ length }, (_, row) => row);
    const [residual] = await model.read([{ image, prompt: reference.prompt, rows }], () => Promise.resolve());
    expect(residual).toHaveLength(numStreams);
    residual!.forEach((stream, layer) => {
      const expected = data.slice(layer * length * dModel, (layer + 1) * length * dModel);
      expect(relativeError(stream, expected)).toBeLessThan(1e-4);
    });
  } finally {
    await model.release();
  }
});

it('a trace says which layers hold DeepStack features', async () => {
  const { warnings } = await trace(fixtureRequest(name), {}, models);
  expect(warnings).toContainEqual({ code: 'deep-stack', params: { blocks: 2 } });
});

describe('a config.json that the graphs do not compute is refused', () => {
  const json = readFileSync(path.join(checkpointFolder(name), 'config.json'), 'utf8');
  const config = () =>
    JSON.parse(json) as Record<'text_config' | 'vision_config', Record<string, unknown>> &
      Record<string, unknown>;

  it('unchanged it is read', () => {
    const { decoder, vision } = qwen3Vl.parseConfig(config());
    expect(decoder.ropeAxes).toEqual([0, 1, 2, 0, 1, 2, 0, 0]);
    expect(decoder).toMatchObject({ deepStackDepth: 2, normedQueryKey: true, attentionBias: false });
    expect(vision).toMatchObject({ positionSide: 6, deepStackBlocks: [0, 2] });
  });

  it.each([
    ['text_config', { attention_bias: true }, 'attention_bias'],
    ['text_config', { num_hidden_layers: 1 }, 'deepstack_visual_indexes'],
    ['text_config', { head_dim: 32 }, 'mrope_section'],
    ['vision_config', { num_position_embeddings: 35 }, 'square number'],
    ['vision_config', { deepstack_visual_indexes: [2, 0] }, 'ascending'],
    ['vision_config', { deepstack_visual_indexes: [0, 4] }, 'blocks of the tower'],
    ['vision_config', { hidden_act: 'silu' }, 'gelu_pytorch_tanh'],
  ] as const)('%s %j', (part, changes, named) => {
    const changed = config();
    Object.assign(changed[part], changes);
    expect(() => qwen3Vl.parseConfig(changed)).toThrow(
      expect.objectContaining({
        code: 'model.config-invalid',
        message: expect.stringContaining(named) as string,
      }) as Error,
    );
  });
});
