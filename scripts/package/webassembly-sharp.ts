import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** sharp as WebAssembly, and what it needs; npm leaves both out, because no computer is of the kind `wasm32`. */
const names = ['@img/sharp-wasm32', '@emnapi/runtime', 'tslib'];

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity: string }>>;
}

/**
 * Puts the packages in `node_modules` where they are missing.
 *
 * @throws Error when one of them is not what the lock file says
 */
export function bringWebAssemblySharp(): void {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
  for (const name of names) {
    const { version, integrity } = packages[`node_modules/${name}`]!;
    const target = join(root, 'node_modules', name);
    if (existsSync(join(target, 'package.json'))) continue;
    const folder = mkdtempSync(join(tmpdir(), 'fundus-lens-pack-'));
    try {
      const args = [
        'pack',
        `${name}@${version}`,
        '--silent',
        '--prefer-offline',
        '--pack-destination',
        folder,
      ];
      execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
      const tarball = join(folder, readdirSync(folder)[0]!);
      const found = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
      if (found !== integrity)
        throw new Error(`${name}@${version}: expected ${integrity} as in package-lock.json, found ${found}.`);
      mkdirSync(target, { recursive: true });
      execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components', '1']);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
