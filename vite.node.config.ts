import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { neighbourScripts } from './scripts/package/neighbour-scripts.ts';
import { recordPackages } from './scripts/package/record-packages.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const { dependencies } = JSON.parse(readFileSync(path('package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/**
 * All that runs in plain Node, as one flat folder: the library, the command line, the browser face, and the processes of workbench
 * and engine. What `dependencies` names stays outside; everything else is inside.
 */
export default defineConfig({
  plugins: [neighbourScripts(), recordPackages('node')],
  ssr: { noExternal: true, external: Object.keys(dependencies), target: 'node' },
  build: {
    ssr: true,
    target: 'node22',
    outDir: path('out/node'),
    emptyOutDir: true,
    minify: false,
    rolldownOptions: {
      input: {
        index: path('electron/engine/index.ts'),
        families: path('electron/engine/families/index.ts'),
        cli: path('electron/cli/main.ts'),
        web: path('electron/server/main.ts'),
        'workbench-process': path('electron/main/processes/workbench-process.ts'),
      },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
