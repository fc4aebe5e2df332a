import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const model = read('docs/threat-model.md');

describe('the threat model', () => {
  const points = [...model.matchAll(/^\| (\d+) \| (.+?) \| (.+) \|$/gm)].map(([, number, , held]) => ({
    number: Number(number),
    held: held!,
  }));

  it('answers the twenty points of the checklist in their order', () => {
    expect(points.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('names a test that exists, or a reason, for each', () => {
    const tests = read('electron/main/desktop.test.ts');
    for (const { held } of points) {
      if (held.startsWith('Reason: ')) continue;
      const [, name] = /^`(.+)`$/.exec(held) ?? [];
      expect(tests).toContain(`test('${name ?? held}'`);
    }
  });

  it('names files that exist', () => {
    const files = [...model.matchAll(/`((?:electron|bench|docs)\/[^`]+\.(?:ts|md))`/g)].map(
      ([, file]) => file!,
    );
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) expect(() => read(file)).not.toThrow();
  });

  it('is right that no address is handed to the system', () => {
    for (const folder of ['electron/main', 'electron/preload', 'electron/shell']) {
      for (const name of readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })) {
        if (name.endsWith('.ts') && !name.endsWith('.test.ts')) {
          expect(read(path.join(folder, name))).not.toMatch(/openExternal|enableBlinkFeatures/);
        }
      }
    }
  });
});
