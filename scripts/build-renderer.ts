import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The built renderer. */
export const rendererFolder = join(root, 'out', 'renderer');

/** What the build reads; a change of any of it makes the build old. */
const sources = [
  'renderer',
  'electron/contract',
  'electron/protocol',
  'electron/engine/lens-trace',
  'electron/engine/readability',
  'package-lock.json',
];

/** Builds the renderer when it is missing or older than its sources. */
export async function ensureRenderer(): Promise<void> {
  const index = join(rendererFolder, 'index.html');
  const builtAt = existsSync(index) ? statSync(index).mtimeMs : 0;
  if (sources.every((source) => newest(join(root, source)) < builtAt)) return;
  process.stdout.write('Building the interface …\n');
  await build({ configFile: join(root, 'renderer', 'vite.config.ts'), logLevel: 'warn' });
}

/** Milliseconds of the latest change in a file, or in a folder at any depth. */
function newest(path: string): number {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.endsWith('.test.ts'))
    .reduce((latest, name) => Math.max(latest, statSync(join(path, name)).mtimeMs), mtimeMs);
}
