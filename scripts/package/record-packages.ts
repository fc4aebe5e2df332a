import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

/** Where each build notes the packages that it took in, a file a build. */
export const packagesFolder = fileURLToPath(new URL('../../out/packages', import.meta.url));

/**
 * Notes which packages a build has taken in, so that their licences can travel with it.
 *
 * @param name of the build
 */
export function recordPackages(name: string): Plugin {
  return {
    name: 'record-packages',
    apply: 'build',
    generateBundle() {
      const folders = new Set<string>();
      for (const id of this.getModuleIds()) {
        // `\0` stands before modules that a plugin made of others.
        const folder = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/?]+)\//.exec(id.replaceAll('\\', '/'))?.[1];
        if (folder !== undefined) folders.add(folder);
      }
      const file = join(packagesFolder, `${name}.json`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${JSON.stringify([...folders].sort(), null, 2)}\n`);
    },
  };
}
