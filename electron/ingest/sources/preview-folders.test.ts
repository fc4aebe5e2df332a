import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findPictures, placePaths, previewFolders, suggestFolderRule } from './preview-folders.ts';

/** 110 patients × 6 visits × 2 eyes below one folder, as a browser names them. */
const archive = Array.from({ length: 1320 }, (_, index) => {
  const patient = `P${Math.floor(index / 12) + 1}`;
  const visit = `2023-0${1 + (Math.floor(index / 2) % 6)}-15`;
  return `Архив/${patient}/${visit}/${index % 2 === 0 ? 'OD' : 'OS'}.jpg`;
});

test('patient/date/eye.jpg is recognised below the folder that was dropped', () => {
  const files = placePaths(archive);
  const rule = suggestFolderRule(files);
  expect(rule).toEqual(['*', 'patient', 'visit']);
  const preview = previewFolders(files, rule);
  expect(preview).toMatchObject({
    files: 1320,
    folderRule: '*/patient/visit',
    patientCount: 110,
    visitCount: 660,
    withoutPatient: 0,
    withoutVisit: 0,
    eyes: { right: 660, left: 660, both: 0, unknown: 0 },
  });
  expect(preview.levels.map(({ count }) => count)).toEqual([1, 110, 6]);
  expect(preview.patients.slice(0, 3).map(({ code }) => code)).toEqual(['P1', 'P2', 'P3']);
});

test('grades and cameras are not taken for patients', () => {
  const files = placePaths(['train/normal/1.png', 'train/dr/2.png', 'train/notes.txt']);
  expect(suggestFolderRule(files)).toEqual([]);
  const preview = previewFolders(files, []);
  expect(preview).toMatchObject({ files: 2, folderRule: 'none', patientCount: 0, withoutPatient: 2 });
});

test('a file that lies beside the folders is counted as one without a patient', () => {
  const preview = previewFolders(placePaths(['P1/2024-02-29/od.jpg', 'left.jpg']), ['patient', 'visit']);
  expect(preview).toMatchObject({ patientCount: 1, visitCount: 1, withoutPatient: 1, withoutVisit: 1 });
});

test('folders of the disk are read by name alone', async () => {
  const root = mkdtempSync(path.join(tmpdir(), 'снимки '));
  try {
    mkdirSync(path.join(root, 'Иванова', '29.02.2024'), { recursive: true });
    writeFileSync(path.join(root, 'Иванова', '29.02.2024', 'right.jpg'), '');
    writeFileSync(path.join(root, 'Иванова', '29.02.2024', '.DS_Store'), '');
    const files = await findPictures([root]);
    expect(files).toEqual([{ folders: ['Иванова', '29.02.2024'], name: 'right.jpg' }]);
    expect(previewFolders(files, suggestFolderRule(files)).patients).toEqual([
      {
        code: 'Иванова',
        visits: ['2024-02-29'],
        images: 1,
        eyes: { right: 1, left: 0, both: 0, unknown: 0 },
      },
    ]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
