import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'electron-vite';
import renderer from './renderer/vite.config.ts';
import { recordPackages } from './scripts/package/record-packages.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const { dependencies } = JSON.parse(readFileSync(path('package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/**
 * The desktop's own three builds; the processes of workbench and engine are those of vite.node.config.ts. The preload script is one
 * CommonJS file, the only kind that a sandboxed page may have.
 */
export default defineConfig({
  main: {
    plugins: [recordPackages('main')],
    build: {
      outDir: 'out/main',
      externalizeDeps: false,
      rolldownOptions: {
        input: { main: path('electron/main/main.ts') },
        external: Object.keys(dependencies),
        output: { format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: '[name]-[hash].cjs' },
      },
    },
  },
  preload: {
    plugins: [recordPackages('preload')],
    build: {
      outDir: 'out/preload',
      externalizeDeps: false,
      rolldownOptions: {
        input: { preload: path('electron/preload/preload.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    ...renderer,
    build: { ...renderer.build, rolldownOptions: { input: path('renderer/index.html') } },
  },
});
