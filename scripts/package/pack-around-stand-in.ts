import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fuseSentinel } from './judge-desktop.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Packs the desktop for Linux on x64 around a stand-in for Electron, which is Node under Electron's name.
 *
 * @param scratch folder for the stand-in
 * @returns the packed tree
 */
export function packAroundStandIn(scratch: string): string {
  const packed = join(root, 'out', 'desktop', 'linux-unpacked');
  const standIn = join(scratch, 'stand-in');
  mkdirSync(join(standIn, 'locales'), { recursive: true });
  mkdirSync(join(standIn, 'resources'));
  copyFileSync(process.execPath, join(standIn, 'electron'));
  chmodSync(join(standIn, 'electron'), 0o755);
  // The wire that Electron's binary carries, with every fuse as it is delivered.
  appendFileSync(join(standIn, 'electron'), `${fuseSentinel}\u0001\u0009101011011`, 'latin1');
  for (const language of ['de', 'en-US', 'ru'])
    writeFileSync(join(standIn, 'locales', `${language}.pak`), '');
  writeFileSync(join(standIn, 'LICENSE'), 'Stand-in\n');
  writeFileSync(join(standIn, 'version'), '0\n');
  rmSync(packed, { recursive: true, force: true });
  execFileSync(
    process.execPath,
    [
      join(root, 'scripts', 'package-desktop.ts'),
      ...['--linux', '--x64', '--dir', `-c.electronDist=${standIn}`],
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return packed;
}
