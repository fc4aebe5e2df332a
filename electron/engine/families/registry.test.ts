import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { checkpointFolder } from '../testing/reference-fixtures.ts';
import { qwen2Vl } from './qwen2-vl/family.ts';
import { registerFamily } from './registry.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-family-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a checkpoint of a family that is not built in opens once the family is registered', async () => {
  cpSync(checkpointFolder('qwen2-vl-untied-f32'), folder, { recursive: true });
  const file = path.join(folder, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...config, model_type: 'other_vl' }));
  await expect(openCheckpoint(folder)).rejects.toMatchObject({ code: 'model.family-unsupported' });

  const family = { ...qwen2Vl, modelType: 'other_vl', title: 'Other-VL' };
  registerFamily(family);
  expect((await openCheckpoint(folder)).family).toBe(family);
  expect(() => registerFamily(family)).toThrow('model_type');
});
