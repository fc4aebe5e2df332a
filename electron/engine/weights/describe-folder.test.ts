import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { outlineCheckpoint } from '../inspect/inspect-checkpoint.ts';
import { readWeightIndex } from './weight-index.ts';

test('a folder that is no checkpoint is described without the names of what lies in it', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'папка '));
  try {
    writeFileSync(path.join(folder, 'Иванова Анна OD.jpg'), '');
    writeFileSync(path.join(folder, 'tokenizer.json'), '');
    for (const refused of [outlineCheckpoint(folder), readWeightIndex(folder)]) {
      const error: unknown = await refused.catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'model.not-a-checkpoint',
        found: 'tokenizer.json, and 1 that are not of a checkpoint',
      });
    }
    rmSync(path.join(folder, 'tokenizer.json'));
    await expect(readWeightIndex(folder)).rejects.toMatchObject({
      found: '1 files or folders, none of them of a checkpoint',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
