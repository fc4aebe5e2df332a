import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawIcons } from './package/icons.ts';
import { listThirdParties, writeNotices } from './package/third-party.ts';
import { bringWebAssemblySharp } from './package/webassembly-sharp.ts';

/** `npm run package -- --linux`: draws the icons, writes the notices, and hands over to electron-builder. */
const root = fileURLToPath(new URL('..', import.meta.url));
if (process.argv.includes('--linux')) bringWebAssemblySharp();
const parties = listThirdParties(['main', 'preload', 'renderer', 'node']);
const licences = parties.map(({ name, version, licence }) => ({ name, version, licence }));

await drawIcons();
writeFileSync(join(root, 'out', 'desktop-licences.json'), `${JSON.stringify(licences, null, 1)}\n`);
writeFileSync(join(root, 'out', 'desktop-notices.txt'), writeNotices(parties));
execFileSync(
  process.execPath,
  [
    join(root, 'node_modules/electron-builder/cli.js'),
    ...['--config', 'electron-builder.yml', '--publish', 'never'],
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
);
