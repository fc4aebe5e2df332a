import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the software reads at run time and no build takes in. Diaries of a training are for the repository. */
const bundledFolders = [
  'models/demo',
  'resources',
  'data/samples',
  'data/controls',
  'data/control-readings',
] as const;
const notBundled = /-log\.jsonl$/;

/** Paths of these files, relative to the repository. */
export function bundledFiles(): string[] {
  return bundledFolders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !notBundled.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name))),
  );
}
