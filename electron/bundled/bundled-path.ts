import { existsSync } from 'node:fs';
import path from 'node:path';

/** The package's own folder, in the source tree, in an npm package, or beside the archive of a packaged desktop. */
export const packageFolder = findPackage(import.meta.dirname);

/**
 * Where models, resources and data lie that come with the software. A packaged desktop has them beside its archive, since
 * ONNX Runtime and other processes read them as plain files.
 */
export const bundledFolder = findBundled(packageFolder);

/** Absolute path of something that comes with the software. */
export function bundledPath(
  ...parts: readonly ['models' | 'resources' | 'data' | 'licences.json' | 'package-lock.json', ...string[]]
): string {
  return path.join(bundledFolder, ...parts);
}

function findPackage(folder: string): string {
  if (existsSync(path.join(folder, 'package.json'))) return folder;
  const parent = path.dirname(folder);
  if (parent === folder) throw new Error(`No package.json above ${import.meta.dirname}.`);
  return findPackage(parent);
}

/** Of a packaged desktop, `resources/bundled` beside `resources/app.asar` and `resources/app.asar.unpacked`. */
function findBundled(folder: string): string {
  const isPackaged = /^app\.asar(?:\.unpacked)?$/.test(path.basename(folder));
  return isPackaged ? path.join(path.dirname(folder), 'bundled') : folder;
}
