import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { writeExperiment } from '../../electron/workbench/experiments/plan/experiment-yaml.ts';
import { experimentFileSchema } from '../../electron/contract/experiments.ts';
import { killExperiment } from './killed-experiment.ts';

const fixtures = path.resolve(import.meta.dirname, '../../data/fixtures');

test('an experiment that is killed twice at random moments and begun again comes to the same numbers', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-killed-'));
  try {
    const file = path.join(folder, 'plan.yaml');
    const plan = experimentFileSchema.parse({
      schema: 'fundus-lens.experiment/1',
      title: 'Killed',
      photographs: {
        paths: ['portrait-140x196', 'square-112x112', 'landscape-224x112'].map((name) =>
          path.join(fixtures, `images/${name}.png`),
        ),
      },
      models: [{ folder: path.join(fixtures, 'checkpoints/qwen2-5-vl-untied-f32') }],
      prompts: ['What is this?'],
      lenses: ['raw', 'logit'],
      // 39 more passes would prove no more.
      controls: false,
    });
    writeFileSync(file, writeExperiment(plan));
    const { isSame, kills, total } = await killExperiment(file, 2, 3);
    expect(kills).toHaveLength(2);
    expect(total).toBe(6);
    expect(isSame).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 600_000);
