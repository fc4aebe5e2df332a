import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { z } from 'zod';
import packageJson from '#package.json' with { type: 'json' };
import { licenceSchema } from '../../contract/app/app.ts';
import type { AppInfo, Licence } from '../../contract/app/app.ts';
import { providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { schemaVersion } from '../../store/database/migrate.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { bundledPath } from '../../bundled/bundled-path.ts';

export function appRouter(services: Services) {
  return api.app.router({
    info: api.app.info.handler(() => describeApp(services)),
    licences: api.app.licences.handler(readLicences),
  });
}

function describeApp({ folders, settings }: Services): AppInfo {
  return {
    name: 'fundus-lens',
    version: packageJson.version,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    librarySchema: schemaVersion,
    folders: {
      library: folders.library,
      cache: folders.cache,
      models: folders.models,
      logs: folders.logs,
    },
    providers: [...providerNames],
    offline: settings.get().offline,
    cpuCores: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string(), license: z.string() }).partial()),
});

/**
 * What a package was built of is listed in it. A checkout has the lock file instead, which names every package that
 * `npm ci` installs, tools for developers among them.
 */
async function readLicences(): Promise<Licence[]> {
  const listed = await readFile(bundledPath('licences.json'), 'utf8').catch(() => null);
  if (listed !== null) return z.array(licenceSchema).min(1).parse(JSON.parse(listed));
  const lock = lockSchema.parse(JSON.parse(await readFile(bundledPath('package-lock.json'), 'utf8')));
  return Object.entries(lock.packages)
    .map(([place, { version, license }]) => ({
      name: place.split('node_modules/').at(-1) ?? '',
      version: version ?? '',
      licence: license ?? 'not stated',
    }))
    .filter(({ name }) => name !== '')
    .sort((a, b) => a.name.localeCompare(b.name, 'en'));
}
