import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageFile from '#package.json' with { type: 'json' };
import { bundledPath } from '../electron/bundled/bundled-path.ts';
import { listControls } from '../electron/bundled/control-images.ts';
import { builtInConceptSets } from '../electron/bundled/concept-sets.ts';
import { languages, presetText, promptPresets } from '../electron/bundled/prompt-presets.ts';
import { bundleExtension } from '../electron/engine/concepts/control-store.ts';
import { bundleReadings } from '../electron/engine/concepts/pack-readings.ts';
import { plainLensOf } from '../electron/engine/lens/lens.ts';
import { onnxruntimeVersion } from '../electron/engine/runtime/session.ts';
import { ModelCache } from '../electron/engine/stages/model-cache.ts';

/**
 * `npm run control-readings`: what the controls come to in the bundled model under its first question, in both languages,
 * and under the notebook's, so that neither a first trace nor the notebook's experiment need read them. To be run whenever the
 * bundled model, the control images, the fundus concepts, those questions or the reading of words change; a test says when it was
 * forgotten.
 */
const folder = bundledPath('data', 'control-readings');
const models = new ModelCache({ bundledReadings: null });
const model = await models.open(bundledPath('models', 'demo'), 'cpu', {});
const conceptSet = builtInConceptSets[0]!;
const words = models.resolveWords(conceptSet, model);
const list: Record<string, unknown>[] = [];
const cache = mkdtempSync(join(tmpdir(), 'control-readings-'));
try {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const first = languages.map((language) => promptPresets[0]!.text[language]);
  for (const prompt of [...first, presetText('notebook', 'en')]) {
    const order = { prompt, maxPixels: null, lens: plainLensOf.logit, imagePaths: listControls(), words };
    await models.readControls(model, order, cache, {});
    const [key] = readdirSync(cache);
    const names = readdirSync(join(cache, key!)).sort();
    const packed = new Map(
      names.map((name) => [name.replace(/\.reading$/, ''), readFileSync(join(cache, key!, name))]),
    );
    const bytes = bundleReadings(packed);
    writeFileSync(join(folder, `${key}${bundleExtension}`), bytes);
    rmSync(join(cache, key!), { recursive: true });
    list.push({ key, prompt, lens: plainLensOf.logit, conceptSet: conceptSet.id, controls: names.length });
    process.stdout.write(`${prompt}: ${names.length} controls, ${Math.round(bytes.length / 1000)} kB\n`);
  }
  const provenance = {
    model: model.fingerprint.sha256,
    software: packageFile.version,
    onnxruntime: onnxruntimeVersion,
    readings: list,
  };
  writeFileSync(join(folder, 'readings.json'), `${JSON.stringify(provenance, null, 2)}\n`);
} finally {
  rmSync(cache, { recursive: true });
  await models.close();
}
