import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportReport } from '../electron/contract/imports/imports.ts';
import { parseFolderRule } from '../electron/ingest/sources/folder-rule.ts';
import { importFiles } from '../electron/ingest/import-files.ts';
import type { ImportOptions } from '../electron/ingest/import-options.ts';
import { importReportToCsv } from '../electron/ingest/report-csv.ts';
import { ViewCache } from '../electron/ingest/views/view-cache.ts';
import { openLibrary } from '../electron/store/library/library.ts';
import type { Library } from '../electron/store/library/library.ts';
import {
  addSpecialFiles,
  generatedLimits,
  generateImportFolder,
  seededName,
} from './fixtures/import-folder.ts';

let scratch: string;
let library: Library;

beforeEach(async () => {
  scratch = mkdtempSync(path.join(tmpdir(), 'импорт с пробелом '));
  library = await openLibrary(path.join(scratch, 'Библиотека снимков'));
});

afterEach(() => {
  library.close();
  rmSync(scratch, { recursive: true });
});

async function runImport(sources: string[], options: Partial<ImportOptions> = {}): Promise<ImportReport> {
  const { imports: store, files, paths } = library;
  let importId = 0;
  const all = { sources, store, files, paths, limits: generatedLimits, ...options };
  for await (const event of importFiles(all)) if (event.type === 'started') importId = event.importId;
  return library.imports.report(importId);
}

describe('importFiles', () => {
  it('takes in every good file and lists every bad one with its own reason', async () => {
    const folder = path.join(scratch, 'Снимки');
    const { good, bad } = await generateImportFolder(folder, 64, 50);
    const special = addSpecialFiles(folder, path.join(scratch, 'elsewhere.jpg'));
    const before = snapshot(folder);

    const report = await runImport([folder], { folderRule: parseFolderRule('patient/visit')! });

    const failures = report.entries.filter(({ status }) => status === 'failed' || status === 'skipped');
    const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
    const found = failures.map((entry) => ({ path: entry.path, reason: entry.reason })).sort(byPath);
    expect(found).toEqual([...bad, ...special].sort(byPath));
    expect(new Set(bad.map(({ reason }) => reason)).size).toBeGreaterThanOrEqual(15);
    expect(report.counts.added).toBe(good);
    expect(report.state).toBe('done');
    expect(snapshot(folder)).toEqual(before);
    const verdict = await library.verify();
    expect(verdict).toMatchObject({ database: [], missingFiles: [], changedFiles: [], leftOverFiles: [] });
    expect(JSON.stringify(report) + importReportToCsv(report)).not.toMatch(/Незабудкина|Аделаида/);
    expect(JSON.stringify(library.audit.list(1000))).not.toMatch(/Незабудкина|Аделаида/);
    expect(library.search.count({ filter: { text: seededName.replace('^', ' ') } })).toBeGreaterThan(0);
  });

  it('reads patient, visit and eye from DICOM, and from folders where DICOM is silent', async () => {
    const folder = path.join(scratch, 'Снимки');
    await generateImportFolder(folder, 16, 0);
    await runImport([folder], { folderRule: parseFolderRule('patient/visit')! });
    const [dicom] = library.search.page({ filter: { formats: ['dicom'] } }).items;
    const image = library.images.get(dicom!.id);
    expect(image).toMatchObject({ modality: 'OP', laterality: 'R', lateralitySource: 'image-laterality' });
    expect(image.renderingPath).toMatch(/^renderings\/.*\.png$/);
    expect(library.patients.get(image.patientId!).code).toMatch(/^DICOM-/);
    const [jpeg] = library.search.page({ filter: { formats: ['jpeg'] } }).items;
    expect(jpeg).toMatchObject({ patientCode: 'Пациент 0', laterality: 'R', lateralitySource: 'file-name' });
    expect(library.visits.get(jpeg!.visitId!)).toMatchObject({ date: '2024-01-15' });
  });

  it('does not add content twice, and lists the same file under two patients as a conflict', async () => {
    const folder = path.join(scratch, 'a');
    await generateImportFolder(folder, 8, 0);
    await runImport([folder], { folderRule: parseFolderRule('patient')! });
    const again = await runImport([folder], { folderRule: parseFolderRule('patient')! });
    expect(again.counts).toMatchObject({ added: 0, duplicate: 8, conflict: 0 });
    const elsewhere = await runImport([folder], { folderRule: parseFolderRule('*/patient')! });
    expect(elsewhere.counts).toMatchObject({ added: 0, conflict: 7, duplicate: 1 });
    expect(library.search.count({})).toBe(8);
  });

  it('reads a semicolon manifest in Windows-1251 and lists rows it cannot use', async () => {
    const folder = path.join(scratch, 'm');
    await generateImportFolder(folder, 2, 0);
    const manifest = path.join(folder, 'список.csv');
    const text =
      'Файл;Пациент;ФИО;Глаз;Метки\r\nснимок 0 OD.jpg;К-17;Ёлкина;левый;отёк|друзы\r\nнет.jpg;К-18;;OD;\r\nснимок 1 OS.png;К-19;;нос;\r\n';
    writeFileSync(manifest, toWindows1251(text));
    const report = await runImport([folder], { manifest });
    expect(report.entries.map(({ reason }) => reason)).toEqual([
      'manifest.bad-row',
      null,
      null,
      'manifest.no-file',
    ]);
    const [image] = library.search.page({ filter: { text: 'отек' } }).items;
    expect(image).toMatchObject({ patientCode: 'К-17', laterality: 'L', lateralitySource: 'manifest' });
    expect(JSON.stringify(report)).not.toContain('Ёлкина');
  });

  it('stops when cancelled, and keeps what was committed', async () => {
    const folder = path.join(scratch, 'c');
    await generateImportFolder(folder, 24, 0);
    const controller = new AbortController();
    const { imports: store, files, paths } = library;
    const options = { sources: [folder], store, files, paths, batchSize: 4, signal: controller.signal };
    let committed = 0;
    for await (const event of importFiles(options)) {
      if (event.type !== 'committed') continue;
      committed = event.counts.added;
      controller.abort();
    }
    expect(committed).toBe(4);
    expect(library.search.count({})).toBe(4);
    expect(library.imports.list(1)[0]).toMatchObject({ state: 'cancelled' });
  });

  it('leaves originals where they are when asked, and makes views that were deleted', async () => {
    const folder = path.join(scratch, 'p');
    await generateImportFolder(folder, 2, 0);
    await runImport([folder], { storage: 'in-place' });
    expect(readdirSync(library.paths.originals)).toEqual([]);
    rmSync(library.paths.thumbnails, { recursive: true });
    const views = new ViewCache(library.paths, library.files);
    const image = library.images.get(1);
    const readable = library.images.readableFile(image);
    for (const view of ['small', 'large', 'red-free'] as const) {
      expect((await views.get(image, readable, view)).subarray(8, 12).toString()).toBe('WEBP');
    }
  });
});

/** Names, sizes, times and bytes of everything under a folder, to show that nothing was touched. */
function snapshot(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => `${file} ${statSync(file).mtimeMs} ${readFileSync(file).toString('base64')}`);
}

function toWindows1251(text: string): Buffer {
  const table = new TextDecoder('windows-1251').decode(Uint8Array.from({ length: 256 }, (_, i) => i));
  return Buffer.from(Array.from(text, (char) => table.indexOf(char)));
}
