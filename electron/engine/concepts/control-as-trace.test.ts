import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bundledPath } from '../../bundled/bundled-path.ts';
import { promptPresets } from '../../bundled/prompt-presets.ts';
import { openModel } from '../index.ts';
import type { LensTrace } from '../lens-trace/lens-trace.ts';
import { readabilityRule } from '../readability/rule.ts';

const demoModel = bundledPath('models', 'demo');
const folder = bundledPath('data', 'controls');
/** All of them, whatever tests limit their number to: with fewer nothing would be asked. */
const controls = readdirSync(folder)
  .filter((name) => /\.(?:png|jpg)$/.test(name))
  .sort()
  .map((name) => path.join(folder, name));

const model = existsSync(path.join(demoModel, 'model.safetensors'))
  ? await openModel(demoModel, { provider: 'cpu' })
  : null;
afterAll(() => model?.close());

function traceOf(file: string): Promise<LensTrace> {
  const prompt = promptPresets[0]!.text.en;
  return model!.trace(file, { prompt, controls, generate: 0 });
}

const readableIn = ({ concepts }: LensTrace) =>
  concepts.filter(({ finding }) => finding?.state === 'readable').map(({ id }) => id);

test.runIf(model !== null)(
  'a control among the controls is readable for nothing that it does not show',
  { timeout: 400_000 },
  async () => {
    const photograph = await traceOf(bundledPath('data', 'samples', 'real', 'retina.jpg'));
    // What is not asked is readable in nothing: the same controls let a photograph of the fundus through.
    expect(readableIn(photograph)).toContain('fundus-view');
    for (const name of ['coffee.jpg', 'noise.png']) {
      const found = await traceOf(path.join(folder, name));
      const own = found.controls.findIndex(({ sha256 }) => sha256 === found.image!.sha256);
      expect(own).toBeGreaterThanOrEqual(0);
      for (const { id, finding, emergence } of found.concepts) {
        if (finding === undefined || !('numControls' in finding) || finding.leftOut.includes(own)) continue;
        expect({ name, id, state: finding.state }).toMatchObject({ state: 'not-readable' });
        if (!('layers' in finding)) continue;
        const highest = Math.max(...finding.layers.map(({ effect }) => effect));
        expect(highest).toBeLessThan(readabilityRule.minEffect);
        expect({ name, id, layers: emergence.layers.filter((layer) => layer !== null) }).toMatchObject({
          layers: [],
        });
      }
    }
  },
);

test.runIf(model !== null)(
  'the same photograph twice gives the same findings',
  { timeout: 400_000 },
  async () => {
    const file = bundledPath('data', 'samples', 'real', 'retina.jpg');
    const [one, other] = [await traceOf(file), await traceOf(file)];
    expect(other.concepts).toEqual(one.concepts);
    expect(other.cells).toEqual(one.cells);
  },
);
