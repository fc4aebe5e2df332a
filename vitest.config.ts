import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Minutes each; a worker that began one of them last would keep the other waiting. */
const longest = ['e2e/app.test.ts', 'electron/engine/webgpu-parity.test.ts'];

/** The longest first, all others in Vitest's own order. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const index = longest.findIndex((name) => moduleId.endsWith(name));
      return index < 0 ? longest.length : index;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    include: [
      'electron/**/*.test.ts',
      'renderer/**/*.test.ts',
      'bench/**/*.test.ts',
      'e2e/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    globalSetup: 'e2e/unpack-chromium.ts',
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // One for each of two cores; most of a test's time is spent waiting for processes.
    maxWorkers: 2,
    env: {
      // Every control is a pass through a model: as many as a finding needs at least.
      FUNDUS_LENS_CONTROLS: '22',
      // Hundreds of processes are started; what Node has compiled once it need not compile again.
      NODE_COMPILE_CACHE: path.join(import.meta.dirname, 'node_modules/.cache/node-compile-cache'),
    },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
