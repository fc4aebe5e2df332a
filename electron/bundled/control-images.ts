import { readdirSync } from 'node:fs';
import path from 'node:path';
import { bundledPath } from './bundled-path.ts';

/**
 * The pictures that come with the software to compare a trace with: blank, noise, an everyday photograph and other
 * medical images. Absolute paths, by name; none when they are not installed.
 *
 * @see data/controls/SOURCES.md
 */
export function listControls(folder = bundledPath('data', 'controls')): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(?:png|jpe?g|webp|tiff?)$/i.test(name))
      .sort()
      .map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}
