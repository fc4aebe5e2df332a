import { fileURLToPath } from 'node:url';
import { defineConfig } from 'electron-vite';
import renderer from './renderer/vite.config.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/**
 * The desktop's three builds. Main keeps one file per module, so that a script of a process or thread is found beside
 * the module that starts it. The preload script is one CommonJS file, the only kind that a sandboxed page may have.
 */
export default defineConfig({
  main: {
    build: {
      outDir: 'out',
      emptyOutDir: false,
      externalizeDeps: true,
      rolldownOptions: {
        input: {
          'main/main': path('electron/main/main.ts'),
          'engine/worker': path('electron/engine/process/worker.ts'),
          'engine/quantize/prepare-worker': path('electron/engine/quantize/prepare-worker.ts'),
          'engine/runtime/probe-process': path('electron/engine/runtime/probe-process.ts'),
          'decoder/fit/fit-worker': path('electron/decoder/fit/fit-worker.ts'),
          'decoder/fit/job-worker': path('electron/decoder/fit/job-worker.ts'),
        },
        output: {
          format: 'es',
          preserveModules: true,
          preserveModulesRoot: path('electron'),
          entryFileNames: '[name].js',
        },
      },
    },
  },
  preload: {
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
