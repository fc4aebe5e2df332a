import { afterEach, expect, test } from 'vitest';
import { Session } from './session.ts';

const variable = 'NVIDIA_TF32_OVERRIDE';
const before = process.env[variable];
afterEach(() => {
  if (before === undefined) Reflect.deleteProperty(process.env, variable);
  else process.env[variable] = before;
});

test('NVIDIA’s libraries are told to keep float32 products whole before one of them starts', async () => {
  Reflect.deleteProperty(process.env, variable);
  // Not a graph: whatever the machine has, no session comes of it.
  const source = { graph: new Uint8Array(3), weightsFolder: '.' };
  await expect(Session.create({ ...source, provider: 'cpu' })).rejects.toThrow();
  expect(process.env[variable]).toBeUndefined();
  await expect(Session.create({ ...source, provider: 'cuda' })).rejects.toThrow();
  expect(process.env[variable]).toBe('0');
});

test('whoever sets it otherwise is heard', async () => {
  process.env[variable] = '1';
  const source = { graph: new Uint8Array(3), weightsFolder: '.' };
  await expect(Session.create({ ...source, provider: 'cuda' })).rejects.toThrow();
  expect(process.env[variable]).toBe('1');
});
