import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateRecord, generateTrace } from '../../../bench/fixtures/generated-records.ts';
import { groupStatisticsSchema } from '../../contract/images/groups.ts';
import type { ConceptSet } from '../../engine/lens-trace/concept-set.ts';
import { openLibrary } from '../../store/library/library.ts';
import { runCli } from '../test-cli.ts';

// Each command is a process of its own, and the machine may be busy with other work.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });
const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens группы '));
const library = path.join(folder, 'снимки');
const env = { XDG_DATA_HOME: path.join(folder, 'data'), XDG_CACHE_HOME: path.join(folder, 'cache') };
const run = (...args: string[]) => runCli([...args, '--library', library], { env, cwd: folder });

/** Twelve photographs of a patient: two patients a group; "retina" is readable from layer 3 on in the first group alone. */
const numImages = 48;
const conceptSet: ConceptSet = {
  schema: 'fundus-lens.concept-set/1',
  id: 'study',
  title: { en: 'Study', ru: 'Исследование' },
  concepts: [
    { id: 'retina', label: { en: 'retina', ru: 'сетчатка' }, role: 'target', forms: { en: ['retina'] } },
    { id: 'fovea', label: { en: 'fovea', ru: 'фовеа' }, role: 'target', forms: { en: ['fovea'] } },
  ],
};

beforeAll(async () => {
  const store = await openLibrary(library);
  const importId = store.imports.begin([]);
  store.imports.commit(
    importId,
    Array.from({ length: numImages }, (_, index) => generateRecord(index)),
    [],
  );
  store.imports.finish(importId, 'done');
  const groups = ['Диабет', 'Норма', 'Пустая'].map((name) => store.groups.create(name));
  for (let image = 0; image < numImages; image++) {
    const isCase = image < numImages / 2;
    const trace = generateTrace(image, null);
    const [template] = trace.concepts;
    const logProb = [-9, -8, -7, isCase ? -4 : -6, (isCase ? -3 : -5) + Math.sin(image) / 9];
    const layer = isCase ? 3 : null;
    const concept = {
      ...template!,
      words: { logProb: Float32Array.from(logProb), logOdds: new Float32Array(5), numBounded: 0 },
      finding: {
        state: layer === null ? ('not-readable' as const) : ('readable' as const),
        layer,
        layers: trace.layers.map(() => ({ p: 0.02, effect: 1.2 })),
        ...{ tokenP: null, q: 0.04, numControls: 56, attainableP: 0.018, leftOut: [] },
      },
      emergence: { ...template!.emergence, layers: [layer] },
    };
    store.traces.insert(
      { ...trace, concepts: conceptSet.concepts.map(({ id }) => ({ ...concept, id })) },
      { imageId: image + 1, contentKey: null, conceptSet },
    );
    store.groups.addImages(groups[isCase ? 0 : 1]!.id, [image + 1]);
  }
  store.settings.set('concepts.own', { study: store.conceptSets.ensure(conceptSet) });
  store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('groups are listed with what is traced of them', async () => {
  const { stdout } = await run('groups', 'list');
  expect(stdout).toMatch(/^Диабет +24 +24 by demo$/m);
  expect(stdout).toMatch(/^Пустая +0$/m);
});

test('every concept of a group beside its controls: n, intervals, and the correction by name', async () => {
  const { stdout, exitCode } = await run('groups', 'statistics', 'Диабет', '--control', 'Норма');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('Диабет: n = 2 patients (24 images); controls: Норма: n = 2 patients (24 images)');
  expect(stdout).toMatch(
    /^retina +100 % \(16 %–100 %\) +3 \(3–3\) +0 % \(0 %–84 %\) +never \(never–never\) +2\.00/m,
  );
  expect(stdout).toMatch(/^3 +-4\.00 \(-4\.00…-4\.00\) +100 % +-6\.00/m);
  expect(stdout).toContain('corrected by max-T');
});

test('the table as a file, and all numbers as JSON', async () => {
  const file = path.join(folder, 'понятия.csv');
  const question = ['groups', 'statistics', 'Диабет', '--concept', 'fovea', '--samples', '500'];
  expect(await run(...question, '-o', file)).toMatchObject({ exitCode: 0 });
  const [head, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\r\n');
  expect(head).toMatch(/^\uFEFFconcept,group_images,group_layer,group_layer_lower/);
  expect(rows[0]).toMatch(/^retina,24,3,3,3,0,0,0\.8418\d*,0\.0000 0\.0000 0\.0000 1\.0000 1\.0000,/);
  expect(rows).toHaveLength(2);
  const statistics = groupStatisticsSchema.parse(JSON.parse((await run(...question, '--json')).stdout));
  expect(statistics).toMatchObject({ control: null, samples: 500, group: { patientCount: 2 } });
});

test('what does not exist is said with what does', async () => {
  const unknown = await run('groups', 'statistics', 'Диабет', '--concept', 'optic-disc');
  expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
  expect(unknown.stderr).toContain('retina, fovea');
  const untraced = await run('groups', 'statistics', 'Пустая');
  expect(untraced).toMatchObject({ exitCode: 2, stdout: '' });
  expect(untraced.stderr).toContain('No image of this group is traced');
});
