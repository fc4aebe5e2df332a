import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '#package.json' with { type: 'json' };
import { releaseSchema } from '../electron/contract/app/updates.ts';

/** `node scripts/release-manifest.ts --page URL --output FILE files…`: what the software reads when it is asked for a new version. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { page: { type: 'string' }, output: { type: 'string', default: 'fundus-lens-release.json' } },
});
const files = positionals.map((file) => {
  const content = readFileSync(file);
  const sha512 = createHash('sha512').update(content).digest('hex');
  return { name: basename(file), bytes: content.length, sha512 };
});
const release = releaseSchema.parse({
  schema: 'fundus-lens.release/1',
  version: packageJson.version,
  page: values.page ?? null,
  files,
});
writeFileSync(values.output, `${JSON.stringify(release, null, 2)}\n`);
