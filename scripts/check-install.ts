import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `npm run check:install`: whether the npm of Node 22 and the newest take the lock file, and whether anything would be run by an
 * installation. npm 10 has no list of allowed scripts, so none is allowed to run at all.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'fundus-lens-install-'));
try {
  for (const file of ['package.json', 'package-lock.json', '.npmrc'])
    cpSync(join(root, file), join(scratch, file));
  const options = { cwd: scratch, encoding: 'utf8', shell: process.platform === 'win32' } as const;
  for (const version of ['10', '12'])
    execFileSync('npx', ['--yes', `npm@${version}`, 'ci', '--dry-run', '--prefer-offline'], options);
  if (!/^ignore-scripts=true$/m.test(readFileSync(join(scratch, '.npmrc'), 'utf8')))
    throw new Error('.npmrc: expected ignore-scripts=true, found nothing of it.');
  process.stdout.write('ok  npm 10 and 12 take the lock file\n');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
