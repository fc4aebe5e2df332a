import { readdirSync } from 'node:fs';
import path from 'node:path';
import { bundledPath } from './bundled-path.ts';

/** Fewer controls for a slow machine: how many pictures at most. With fewer than 19, nothing can be called readable. */
const limitVariable = 'FUNDUS_LENS_CONTROLS';

/**
 * The pictures that come with the software to compare a trace with: blank, noise, an everyday photograph and other
 * medical images. Absolute paths, by name; none when they are not installed. `FUNDUS_LENS_CONTROLS` limits their number;
 * those that are left are spread evenly over the list.
 *
 * @see data/controls/SOURCES.md
 */
export function listControls(folder = bundledPath('data', 'controls')): string[] {
  try {
    const names = readdirSync(folder)
      .filter((name) => /\.(?:png|jpe?g|webp|tiff?)$/i.test(name))
      .sort();
    const limit = Math.min(names.length, Number(process.env[limitVariable] ?? Infinity) || names.length);
    return Array.from({ length: limit }, (_, index) =>
      path.join(folder, names[Math.floor((index * names.length) / limit)]!),
    );
  } catch {
    return [];
  }
}
