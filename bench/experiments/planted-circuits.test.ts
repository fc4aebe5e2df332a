import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runCircuit, summariseCircuits } from './planted-circuits.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-circuits-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the block that copies the answer from image tokens is found; like pictures and an empty region move nothing', async () => {
  const circuits = [await runCircuit(folder, 0), await runCircuit(folder, 3)];
  for (const { found, layer } of circuits) expect(Math.abs(found! - layer)).toBeLessThanOrEqual(1);
  const { sets, sameLabel, withheld } = summariseCircuits(circuits);
  const image = sets.find(({ set }) => set === 'image')!.sufficiency.mean;
  expect(image[0]).toBeCloseTo(1, 3);
  expect(image.at(-1)).toBeCloseTo(0, 3);
  const empty = sets.find(({ set }) => set === 'region')!.sufficiency.mean;
  const like = sameLabel.find(({ set }) => set === 'image')!.sufficiency.mean;
  for (const curve of [empty, like])
    for (const value of curve.slice(2)) expect(Math.abs(value)).toBeLessThan(0.15);
  expect(withheld).toBe('too-few-pairs');
}, 600_000);
