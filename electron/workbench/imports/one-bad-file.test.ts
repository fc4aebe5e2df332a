import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { opticPhotograph, writeDicom } from '../../../bench/fixtures/dicom-writer.ts';
import type { WrittenElement } from '../../../bench/fixtures/dicom-writer.ts';
import type { ImportReport } from '../../contract/imports/imports.ts';
import { explainDatabaseError } from '../../store/database/database-errors.ts';
import { openLibrary } from '../../store/library/library.ts';
import type { Library } from '../../store/library/library.ts';
import { makeRecord, scratchFolder } from '../../store/testing.ts';
import { commitBatch } from '../../ingest/commit-batch.ts';
import { importFiles } from '../../ingest/import-files.ts';
import type { ImportOptions } from '../../ingest/import-options.ts';

const good = 20;
let folder: string;
let source: string;
let library: Library;

beforeEach(async () => {
  folder = scratchFolder();
  source = path.join(folder, 'снимки');
  mkdirSync(source);
  library = await openLibrary(path.join(folder, 'library'));
});

afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true });
});

async function addGoodPhotographs(): Promise<void> {
  for (let i = 0; i < good; i++) {
    const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: { r: i, g: 9, b: 9 } } });
    writeFileSync(path.join(source, `глаз ${i}.png`), await picture.png().toBuffer());
  }
}

function addDicom(name: string, ...extra: WrittenElement[]): void {
  const pixels = Buffer.alloc(12, name.length);
  writeFileSync(path.join(source, name), writeDicom(opticPhotograph({ width: 2, height: 2, pixels, extra })));
}

async function run(change: Partial<ImportOptions> = {}): Promise<ImportReport> {
  const { imports, files, paths } = library;
  let importId = 0;
  for await (const event of importFiles({ sources: [source], store: imports, files, paths, ...change })) {
    if (event.type === 'started') ({ importId } = event);
  }
  return imports.report(importId);
}

describe('one bad file among good ones', () => {
  it.each(['1.5', '1e20', '-3', 'Infinity'])('with %s for Number of Frames', async (frames) => {
    await addGoodPhotographs();
    addDicom('a.dcm', [0x00280008, 'IS', frames]);
    const { state, counts, entries } = await run();
    expect(state).toBe('done');
    expect(counts).toMatchObject({ added: good, failed: 1 });
    const bad = entries.find(({ status }) => status === 'failed');
    expect(bad?.reason).toBe('dicom.pixel-format');
    expect(bad?.detail).toContain('frames');
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty\\valueOf'])(
    'with %s for a character set, which is taken in',
    async (name) => {
      await addGoodPhotographs();
      addDicom('a.dcm', [0x00080005, 'CS', name], [0x00100010, 'PN', 'A^B'], [0x00100020, 'LO', 'П-1']);
      const { state, counts } = await run();
      expect(state).toBe('done');
      expect(counts).toMatchObject({ added: good + 1, failed: 0 });
      expect(library.patients.list({ limit: 5 })).toMatchObject([{ code: 'П-1', name: 'A B' }]);
    },
  );

  it('that our own code trips over', async () => {
    await addGoodPhotographs();
    let written = 0;
    const defects: unknown[] = [];
    const files = {
      write: (relative: string, data: Uint8Array) => {
        // The original and two views of each photograph: this is the fourth.
        if (++written === 10) throw new TypeError('Незабудкина');
        return library.files.write(relative, data);
      },
    };
    const { state, counts, entries } = await run({ files, onDefect: (error) => defects.push(error) });
    expect(state).toBe('done');
    expect(counts).toMatchObject({ added: good - 1, failed: 1 });
    const bad = entries.find(({ status }) => status === 'failed')!;
    expect(bad.reason).toBe('file.unexpected');
    expect(bad.sha256).toHaveLength(64);
    expect(bad.detail).toContain('TypeError');
    expect(bad.detail).not.toContain('Незабудкина');
    expect(defects).toHaveLength(1);
  });

  it('whose very path cannot be asked for', async () => {
    await addGoodPhotographs();
    const { state, counts } = await run({ sources: ['bad\0name', source] });
    expect(state).toBe('done');
    expect(counts).toMatchObject({ added: good, failed: 1 });
  });

  it('keeps what was prepared before the library itself fails', async () => {
    await addGoodPhotographs();
    let written = 0;
    const files = {
      write: (relative: string, data: Uint8Array) => {
        if (++written === 31) throw explainDatabaseError(Object.assign(new Error(), { code: 'ENOSPC' }));
        return library.files.write(relative, data);
      },
    };
    await expect(run({ files, concurrency: 1 })).rejects.toMatchObject({
      code: 'library.disk-full',
    });
    const { id } = library.imports.list(1)[0]!;
    const { state, counts, entries } = library.imports.report(id);
    expect(state).toBe('failed');
    expect(counts).toMatchObject({ added: 10, failed: 1 });
    expect(entries.at(-1)).toMatchObject({ status: 'failed', reason: 'import.stopped' });
    expect(entries.at(-1)!.detail).toContain('disk of the library is full');
  });
});

describe('a record that the database refuses', () => {
  it('costs only itself', () => {
    const importId = library.imports.begin([]);
    const records = [
      makeRecord('a.jpg'),
      makeRecord('b.jpg', { frames: 1.5 }),
      makeRecord('c.jpg', {}, { tags: [''] }),
      makeRecord('d.jpg'),
    ];
    const defects: unknown[] = [];
    const entries = commitBatch(
      library.imports,
      importId,
      records.map((record) => ({ record })),
      (error) => defects.push(error),
    );
    expect(entries.map(({ status }) => status)).toEqual(['added', 'failed', 'failed', 'added']);
    expect(entries[1]).toMatchObject({ path: '/photos/b.jpg', reason: 'file.unexpected', imageId: null });
    expect(library.search.count({})).toBe(2);
    expect(defects).toHaveLength(2);
  });
});

describe('a manifest of many rows', () => {
  // More than one call takes as arguments, which is about 120,000.
  it.each([
    ['whose files are not there', 'a.png', 150_000],
    ['that cannot be read', 'a.png,X', 2_500],
  ])(
    '%s',
    async (_, cells, many) => {
      await addGoodPhotographs();
      const rows = Array.from({ length: many }, (_unused, i) => `нет-${i}/${cells}`);
      const manifest = path.join(folder, 'manifest.csv');
      writeFileSync(manifest, `file,eye\n${rows.join('\n')}\n`);
      const { state, counts } = await run({ manifest });
      expect(state).toBe('done');
      expect(counts).toMatchObject({ added: good, failed: many });
    },
    120_000,
  );

  it('is cut short by an abort', async () => {
    writeFileSync(path.join(source, 'program'), 'no photograph');
    const rows = Array.from({ length: 20_000 }, (_unused, i) => `нет-${i}.png`);
    const manifest = path.join(folder, 'manifest.csv');
    writeFileSync(manifest, `file\n${rows.join('\n')}\n`);
    const controller = new AbortController();
    const { imports, files, paths } = library;
    const events = importFiles({
      sources: [source],
      store: imports,
      files,
      paths,
      manifest,
      signal: controller.signal,
    });
    let committed = 0;
    for await (const event of events) {
      if (event.type !== 'committed') continue;
      committed = event.counts.failed;
      controller.abort();
    }
    expect(committed).toBeLessThan(20_000);
  });
});
