import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { z } from 'zod';
import packageJson from '#package.json' with { type: 'json' };
import type { AppInfo, Licence } from '../../contract/app.ts';
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
  packages: z.record(
    z.string(),
    z.object({ version: z.string(), license: z.string(), dev: z.boolean() }).partial(),
  ),
});

/** From the lock file, which names every package that `npm ci` installs; tools for developers are left out. */
async function readLicences(): Promise<Licence[]> {
  const file = bundledPath('package-lock.json');
  const lock = lockSchema.parse(JSON.parse(await readFile(file, 'utf8').catch(() => '{"packages":{}}')));
  const listed = Object.entries(lock.packages).flatMap(([place, { version, license, dev }]) => {
    const name = place.split('node_modules/').at(-1) ?? '';
    if (name === '' || dev === true) return [];
    return [{ name, version: version ?? '', licence: license ?? 'not stated' }];
  });
  return listed.sort((a, b) => a.name.localeCompare(b.name, 'en'));
}
