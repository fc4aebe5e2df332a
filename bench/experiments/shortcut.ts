import { readdirSync } from 'node:fs';
import path from 'node:path';
import { presetText } from '../../electron/bundled/prompt-presets.ts';
import { openModel } from '../../electron/engine/index.ts';
import { bundled } from '../../electron/workbench/folders.ts';

/** Every third sample patient is measured on; the others are fitted on. */
const heldOutEvery = 3;

/**
 * Fits a linear shortcut for the bundled model on sample photographs and the question of the notebook, and prints by layer how far
 * it and the logit lens are from the final distribution on photographs of other patients.
 */
export async function runShortcutBench(): Promise<void> {
  const photographs = readdirSync(bundled.samples, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.jpg'))
    .sort();
  const patients = [...new Set(photographs.map(patientOf))];
  const isHeldOut = (name: string) => patients.indexOf(patientOf(name)) % heldOutEvery === 0;
  const absolute = (name: string) => path.join(bundled.samples, name);
  const model = await openModel(bundled.demoModel, { provider: 'cpu' });
  try {
    const started = performance.now();
    const { error, images, rows } = await model.fitShortcut(
      photographs.filter((name) => !isHeldOut(name)).map(absolute),
      { heldOut: photographs.filter(isHeldOut).map(absolute), prompt: presetText('notebook', 'en') },
    );
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    const { positions, answer } = error;
    const lines = positions.logit.map((_, layer) =>
      [positions.logit, positions.lens, answer.logit, answer.lens]
        .map((curve) => curve[layer]!.toFixed(3).padStart(9))
        .reduce((line, value) => `${line} ${value}`, String(layer).padStart(5)),
    );
    process.stdout.write(
      [
        `${rows} positions fitted on, ${images.heldOut.length} photographs held out, ${seconds} s`,
        'KL to the final distribution, nats: all positions (logit lens, shortcut), the answer (logit lens, shortcut)',
        ...lines,
        '',
      ].join('\n'),
    );
  } finally {
    await model.close();
  }
}

function patientOf(name: string): string {
  return name.split(path.sep)[0]!;
}
