import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundled } from '../../electron/workbench/folders.ts';
import { writeExperiment } from '../../electron/workbench/experiments/plan/experiment-yaml.ts';
import { notebookExperiment } from '../../electron/workbench/experiments/plan/notebook.ts';
import { killExperiment } from './killed-experiment.ts';

const photographs = 15;

/** The notebook's experiment over fifteen sample photographs and the bundled model, killed at random moments. */
export async function runKillsBench(kills: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-kills-'));
  try {
    const paths = readdirSync(bundled.samples, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.jpg'))
      .sort()
      .slice(0, photographs)
      .map((name) => path.join(bundled.samples, name));
    const file = path.join(folder, 'notebook.yaml');
    writeFileSync(file, writeExperiment(notebookExperiment({ paths }, 'bundled')));
    const { kills: met, begun, total, isSame } = await killExperiment(file, kills, 1);
    process.stdout.write(
      `${met.length} kills at ${met.join(', ')} of ${total} traces, in ${begun} experiments; the same numbers: ${isSame ? 'yes' : 'no'}\n`,
    );
    if (!isSame) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
