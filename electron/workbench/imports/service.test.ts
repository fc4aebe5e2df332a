import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { importChoicesSchema } from '../../contract/imports/imports.ts';
import { explainDatabaseError } from '../../store/database/database-errors.ts';
import { scratchFolder } from '../../store/testing.ts';
import { RunningTasks } from '../../tasks/running-tasks.ts';
import { EventLog } from '../events/event-log.ts';
import { ImportService } from './service.ts';
import { LibrarySession } from '../library/library-session.ts';

let folder: string;
let source: string;
let session: LibrarySession;
let service: ImportService;
const errors: string[] = [];
const choices = importChoicesSchema.parse({});

beforeEach(async () => {
  folder = scratchFolder();
  source = path.join(folder, 'снимки');
  mkdirSync(source);
  const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: '#a11' } });
  writeFileSync(path.join(source, 'a.png'), await picture.png().toBuffer());
  session = await LibrarySession.open(path.join(folder, 'library'), {});
  const events = new EventLog();
  const onError = (event: string) => errors.push(event);
  const running = new RunningTasks(events, onError);
  service = new ImportService({ session, events, running, cacheFolder: path.join(folder, 'cache'), onError });
});

afterEach(() => {
  vi.restoreAllMocks();
  session.close();
  rmSync(folder, { recursive: true });
});

describe('an import that ends early', () => {
  it('for want of space says so, although the library cannot even note it', async () => {
    const importId = await service.start([source], choices);
    // What SQLite says of every write once the disk is full.
    for (const step of ['commit', 'finish'] as const) {
      vi.spyOn(session.library.imports, step).mockImplementation(() => {
        throw explainDatabaseError(Object.assign(new Error(), { code: 'ENOSPC' }));
      });
    }
    const report = await service.wait(importId);
    expect(report).toMatchObject({ state: 'failed', counts: { added: 0, failed: 1 } });
    expect(report.entries.at(-1)).toMatchObject({ reason: 'import.stopped' });
    expect(report.entries.at(-1)!.detail).toContain('disk of the library is full');
    expect(service.list(5)).toMatchObject([{ id: importId, state: 'failed' }]);
    expect(service.failure(importId)).toMatchObject({ code: 'library.disk-full' });
  });

  it('on a full database is kept as failed, with the reason', async () => {
    session.library.limitPages(0);
    const manifest = path.join(source, 'manifest.csv');
    const rows = Array.from({ length: 3000 }, (_, i) => `нет такого снимка ${i}.png`);
    writeFileSync(manifest, `file\n${rows.join('\n')}\n`);
    const importId = await service.start([source], choices);
    const report = await service.wait(importId);
    expect(report.state).toBe('failed');
    expect(report.entries.at(-1)!.detail).toContain('disk of the library is full');
    expect(service.failure(importId)).toMatchObject({ code: 'library.disk-full' });
  });
});
