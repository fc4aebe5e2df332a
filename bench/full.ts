import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import type { WeightFormat } from '../electron/common/prepared-model.ts';
import { fixed, measureNotebook, measureOurs, row } from './engine.ts';
import type { PrepareMeasurement } from './prepare-process.ts';
import { fullShapes, makeRandomCheckpoint } from './random-checkpoint.ts';

export interface FullBenchOptions {
  /** Where random checkpoints are kept between runs; the largest takes 17 GB, and its prepared weights 7 GB more. */
  readonly folder: string;
  readonly shape: keyof typeof fullShapes;
  readonly format: WeightFormat;
  readonly python: string | undefined;
  readonly repeat: number;
}

/** Prepare, load, last- and all-position trace of the notebook's photograph (888 image tokens) at a released size. */
export async function runFullBench({
  folder,
  shape,
  format,
  python,
  repeat,
}: FullBenchOptions): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  mkdirSync(folder, { recursive: true });
  const source = makeRandomCheckpoint(folder, fullShapes[shape], 'BF16');
  const image = path.join(folder, 'notebook.png');
  const photograph = path.resolve(import.meta.dirname, '../data/samples/real/retina.jpg');
  await sharp(photograph).resize(1026, 684, { fit: 'fill' }).png().toFile(image);
  const prepared = `${source}-${format}`;
  rmSync(prepared, { recursive: true, force: true });
  const script = path.join(import.meta.dirname, 'prepare-process.ts');
  const preparing = JSON.parse(
    execFileSync(process.execPath, [script, source, prepared, format], { encoding: 'utf8' }),
  ) as PrepareMeasurement;
  say(
    `Random checkpoint of the true ${shape} shape, prepared as ${format}; ${availableParallelism()} cores.`,
  );
  say(
    `prepare ${preparing.seconds.toFixed(1)} s, peak ${(preparing.peakBytes / 1e9).toFixed(2)} GB, ${(preparing.weightBytes / 1e9).toFixed(2)} GB written`,
  );
  say(
    'run                        load s   trace s   image   vision  decoder  lens     peak GB  over weights GB',
  );
  for (const positions of ['last', 'all'] as const) {
    const ours = measureOurs({ modelDir: prepared, imagePath: image, positions }, folder, repeat);
    say(row(`ours, ${positions}`, ours, preparing.weightBytes));
    if (python === undefined) continue;
    const theirs = measureNotebook(python, source, positions, repeat, image);
    say(
      `${`notebook’s way, ${positions}`.padEnd(26)} ${fixed(theirs.load_s)} ${fixed(theirs.trace_s)}   peak ${fixed(theirs.peak_rss_bytes / 1e9)} GB`,
    );
  }
}
