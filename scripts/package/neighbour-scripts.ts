import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

/**
 * A module that starts a process or thread names its script as a neighbour (`./probe-process.ts` in the sources, `.js`
 * in a build). Each becomes an entry of that name, and since everything lies in one folder it is found there.
 */
export function neighbourScripts(): Plugin {
  const neighbour = /new URL\(\s*`\.\/([a-z-]+)\$\{import\.meta\.url\.endsWith\('\.ts'\)/g;
  return {
    name: 'neighbour-scripts',
    enforce: 'pre',
    transform(code, id) {
      for (const [, name] of code.matchAll(neighbour)) {
        this.emitFile({ type: 'chunk', id: join(dirname(id), `${name!}.ts`), fileName: `${name!}.js` });
      }
    },
  };
}
