import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ImportRecord } from '../contract/imports/import-store.ts';
import { sha256Hex } from './database/canonical-json.ts';
import type { Library } from './library/library.ts';

/** A scratch folder for a test, with a name that careless software trips over. */
export function scratchFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'Библиотека для проверки '));
}

/** A record that only the database sees; `change` replaces fields of its image. */
export function makeRecord(
  name: string,
  change: Partial<ImportRecord['image']> = {},
  rest: Partial<Omit<ImportRecord, 'image'>> = {},
): ImportRecord {
  return {
    image: {
      sha256: sha256Hex(name),
      fileName: name,
      originalPath: `/photos/${name}`,
      storage: 'in-place',
      managedPath: null,
      renderingPath: null,
      bytes: 10,
      format: 'jpeg',
      width: 4,
      height: 3,
      bitDepth: 8,
      frames: 1,
      laterality: 'unknown',
      lateralitySource: 'none',
      modality: 'OP',
      capturedAt: null,
      camera: null,
      quality: null,
      note: '',
      remarks: [],
      sopInstanceUid: null,
      ...change,
    },
    patient: null,
    visit: null,
    tags: [],
    findings: [],
    dataset: null,
    ...rest,
  };
}

/** @returns ids of the images added */
export function addRecords(library: Library, records: readonly ImportRecord[]): number[] {
  const importId = library.imports.begin([]);
  const entries = library.imports.commit(importId, records, []);
  library.imports.finish(importId, 'done');
  return entries.flatMap(({ imageId }) => imageId ?? []);
}
