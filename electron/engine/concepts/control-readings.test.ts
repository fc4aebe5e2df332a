import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { bundledPath } from '../../bundled/bundled-path.ts';
import { builtInConceptSets } from '../../bundled/concept-sets.ts';
import { presetText, promptPresets } from '../../bundled/prompt-presets.ts';
import { plainLensOf } from '../lens/lens.ts';
import { clipToFloor } from '../readability/rule.ts';
import { poolStep } from '../readability/token-null.ts';
import { ModelCache } from '../stages/model-cache.ts';
import type { ControlReading } from './control-reading.ts';
import { ControlStore, nameOf } from './control-store.ts';
import { bundleReadings, openBundle, packReading, unpackReading } from './pack-readings.ts';

const demoModel = bundledPath('models', 'demo');
const hasDemoModel = existsSync(`${demoModel}/model.safetensors`);
const folder = bundledPath('data', 'control-readings');

describe('readings as bytes', () => {
  const row = (...values: number[]) => Float32Array.from(values);
  const numbers = {
    answer: [row(-3.5, 2), row(-6.9, -6.9), row(0, 1)],
    pool: [
      { logProbs: row(-0, -poolStep, -255 * poolStep), topPlace: -1, topLogComplement: -0.25 },
      { logProbs: row(-1, -2, -3), topPlace: 2, topLogComplement: -12 },
    ],
    cells: [row(1, 2), row(3, 4), row(-Infinity, -Infinity)],
  };

  test('come back as they were, with and without an image', () => {
    expect(unpackReading(packReading(numbers))).toEqual(numbers);
    const bare = { ...numbers, cells: null };
    expect(unpackReading(packReading(bare))).toEqual(bare);
    const bundle = openBundle(
      bundleReadings(
        new Map([
          ['a', packReading(bare)],
          ['b', packReading(numbers)],
        ]),
      ),
    );
    expect([...bundle.keys()]).toEqual(['a', 'b']);
    expect(unpackReading(Buffer.from(bundle.get('b')!))).toEqual(numbers);
  });

  test('are refused when they are not all there', () => {
    expect(() => unpackReading(packReading(numbers).slice(0, -1))).toThrow(RangeError);
    expect(() => openBundle(bundleReadings(new Map([['a', packReading(numbers)]])).slice(0, -4))).toThrow();
  });
});

describe.runIf(hasDemoModel)('readings that come with the software', () => {
  const models = new ModelCache({ bundledReadings: null });
  afterAll(() => models.close());

  test('are those of the bundled model; if not, run `npm run control-readings`', async () => {
    const model = await models.open(demoModel, 'cpu', {});
    const index = JSON.parse(readFileSync(`${folder}/readings.json`, 'utf8')) as {
      model: string;
      readings: { controls: number }[];
    };
    expect(index.model).toBe(model.fingerprint.sha256);
    const pictures = readdirSync(bundledPath('data', 'controls')).filter((name) =>
      /\.(?:png|jpg)$/.test(name),
    );
    for (const { controls } of index.readings) expect(controls).toBe(pictures.length + 1);
    const words = models.resolveWords(builtInConceptSets[0]!, model);
    // One of each kind: blank, everyday, medical.
    const some = ['blank.png', 'coffee.jpg', 'oct.jpg'].map((name) => bundledPath('data', 'controls', name));
    for (const prompt of [...Object.values(promptPresets[0]!.text), presetText('notebook', 'en')]) {
      const order = { prompt, maxPixels: null, lens: plainLensOf.logit, imagePaths: some, words };
      const computed = await models.readControls(model, order, null, {});
      const rendered = model.checkpoint.renderPrompt(prompt, true);
      // A limit above the model's own, as the notebook's experiment has it, changes nothing.
      const asked = { model, ...order, prompt: rendered, maxPixels: 1026 * 684 };
      const store = new ControlStore(null, asked, folder);
      for (const reading of computed) {
        const kept = await store.find(reading.source);
        expect(kept, `no reading of ${nameOf(reading.source)} under "${prompt}"`).not.toBeNull();
        expect(largestDifference(kept!, reading)).toBeLessThan(0.05);
      }
    }
  }, 240_000);
});

/** Nats, of everything that the rule compares. */
function largestDifference(a: ControlReading, b: ControlReading): number {
  const flat = ({ answer, cells }: ControlReading) =>
    [...answer, ...(cells ?? [])].flatMap((curve) => Array.from(curve, clipToFloor));
  const steps = ({ pool }: ControlReading) => pool.flatMap(({ logProbs }) => [...logProbs]);
  const between = (x: number[], y: number[]) => {
    expect(x.length).toBe(y.length);
    return Math.max(...x.map((value, index) => Math.abs(value - y[index]!)));
  };
  // Rounding of the processor may move a number over the edge of a step.
  expect(between(steps(a), steps(b))).toBeLessThanOrEqual(poolStep);
  return between(flat(a), flat(b));
}
