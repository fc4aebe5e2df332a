import { existsSync } from 'node:fs';
import path from 'node:path';

/** The package's own folder, in the source tree as in a build or an archive. */
export const packageFolder = findPackage(import.meta.dirname);

/** Absolute path of something that comes with the software. */
export function bundledPath(
  ...parts: readonly ['models' | 'resources' | 'data' | 'package-lock.json', ...string[]]
): string {
  return path.join(packageFolder, ...parts);
}

function findPackage(folder: string): string {
  if (existsSync(path.join(folder, 'package.json'))) return folder;
  const parent = path.dirname(folder);
  if (parent === folder) throw new Error(`No package.json above ${import.meta.dirname}.`);
  return findPackage(parent);
}
