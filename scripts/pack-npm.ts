import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import packageJson from '#package.json' with { type: 'json' };
import { bundledFiles } from './package/bundled-files.ts';
import { listThirdParties, writeNotices } from './package/third-party.ts';

/**
 * `npm run pack:npm`: lays out the package for npm in `out/npm` and packs it. It holds compiled JavaScript, its types, the
 * built interface and the bundled model; of other packages it depends on those alone that are native or part of its types.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'out', 'npm');
const { name, version, description, author, license, dependencies } = packageJson;

rmSync(target, { recursive: true, force: true });
rmSync(join(root, 'out', 'types'), { recursive: true, force: true });
mkdirSync(target, { recursive: true });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.declarations.json'], {
  cwd: root,
  stdio: 'inherit',
});
cpSync(join(root, 'out', 'types', 'electron'), join(target, 'dist', 'types'), { recursive: true });
useJavaScriptNames(join(target, 'dist', 'types'));
for (const folder of ['node', 'renderer'])
  cpSync(join(root, 'out', folder), join(target, 'dist', folder), { recursive: true });
for (const file of bundledFiles()) cpSync(join(root, file), join(target, file));
for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'CITATION.cff'])
  cpSync(join(root, file), join(target, file));

const parties = listThirdParties(['node', 'renderer']);
const licences = parties.map(({ name, version, licence }) => ({ name, version, licence }));
writeFileSync(join(target, 'licences.json'), `${JSON.stringify(licences, null, 1)}\n`);
writeFileSync(join(target, 'THIRD-PARTY-NOTICES.txt'), writeNotices(parties));
const manifest = {
  ...{ name, version, description, author, license },
  type: 'module',
  engines: { node: '>=22.12.0' },
  bin: { 'fundus-lens': 'dist/node/cli.js', 'fundus-lens-web': 'dist/node/web.js' },
  exports: {
    '.': { types: './dist/types/engine/index.d.ts', default: './dist/node/index.js' },
    './families': {
      types: './dist/types/engine/families/index.d.ts',
      default: './dist/node/families.js',
    },
    './package.json': './package.json',
  },
  dependencies,
};
writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
execFileSync('npm', ['pack', '--silent', '--pack-destination', join(root, 'out')], {
  cwd: target,
  stdio: 'inherit',
  shell: process.platform === 'win32',
});

/** Declarations name their neighbours as TypeScript sources; a package has only what those became. */
function useJavaScriptNames(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/(from |import\()(['"]\.[^'"]*)\.ts(['"])/g, '$1$2.js$3'));
  }
}
