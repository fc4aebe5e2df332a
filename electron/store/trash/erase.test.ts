import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLibrary } from '../library/library.ts';
import type { Library } from '../library/library.ts';
import { addRecords, makeRecord, scratchFolder } from '../testing.ts';

let folder: string;
let library: Library;

beforeEach(async () => {
  folder = scratchFolder();
  library = await openLibrary(folder);
});

afterEach(() => {
  library.close();
  rmSync(folder, { recursive: true });
});

const hash = (letter: string) => letter.repeat(64);

/** A photograph with its copy and its views, and a patient whose name is found nowhere else. */
async function addPhotograph(letter: string, name: string): Promise<number> {
  const place = `${letter}${letter}/${hash(letter)}`;
  const managedPath = `originals/${place}.jpg`;
  await library.files.write(managedPath, Buffer.from(`pixels of ${name}`));
  await library.files.write(`renderings/${place}.png`, Buffer.from('rendering'));
  await library.files.write(`thumbnails/${place}-small.webp`, Buffer.from('view'));
  const renderingPath = `renderings/${place}.png`;
  const [id] = addRecords(library, [
    makeRecord(
      `${name}_OD.jpg`,
      { sha256: hash(letter), storage: 'managed', managedPath, renderingPath, note: `Заметка: ${name}` },
      { patient: { code: `К-${letter}`, name, birthYear: 1950, sex: 'F' }, tags: ['проба'] },
    ),
  ]);
  return id!;
}

function filesWith(letter: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.includes(hash(letter)),
  );
}

/** Everything that lies in the folder, backups left out. */
function bytesOfLibrary(): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('backups'))
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name)).toString('utf8'))
    .join('\n');
}

describe('what was removed', () => {
  it('is on the disk no more after it was erased, and what stays stays', async () => {
    const id = await addPhotograph('a', 'Незабудкина');
    await addPhotograph('b', 'Ромашкина');
    const { patientId } = library.images.get(id);
    library.images.remove(id);
    library.patients.remove(patientId!);
    const { files, bytes, backups } = await library.erase();
    expect(files).toBe(3);
    expect(bytes).toBeGreaterThan(20);
    expect(backups).toEqual([]);
    expect(filesWith('a')).toEqual([]);
    expect(filesWith('b')).toHaveLength(3);
    const left = bytesOfLibrary();
    expect(left).not.toMatch(/незабудкин/i);
    expect(left).toContain('Ромашкина');
    expect(library.search.count({ filter: { text: 'Ромашкина' } })).toBe(1);
    expect((await library.verify()).missingFiles).toEqual([]);
    expect(library.audit.verify().intact).toBe(true);
  });

  it('is overwritten in the database at once', async () => {
    const id = await addPhotograph('a', 'Незабудкина');
    const { patientId } = library.images.get(id);
    library.images.remove(id);
    library.patients.remove(patientId!);
    library.close();
    const database = readFileSync(path.join(folder, 'library.sqlite')).toString('utf8');
    expect(database).not.toContain('Заметка: Незабудкина');
    library = await openLibrary(folder);
  });

  it('that backups still hold is said', async () => {
    const id = await addPhotograph('a', 'Незабудкина');
    const backup = await library.backup();
    library.images.remove(id);
    const { backups } = await library.erase();
    expect(backups).toEqual([path.basename(backup.file)]);
  });

  it('is not erased while an import runs', async () => {
    library.imports.begin([]);
    await expect(library.erase()).rejects.toMatchObject({ code: 'input.invalid' });
  });
});

describe('files that a killed import left', () => {
  async function leave(letter: string, hours: number): Promise<void> {
    const file = `originals/${letter}${letter}/${hash(letter)}.jpg`;
    await library.files.write(file, Buffer.from('half an import'));
    const then = new Date(Date.now() - hours * 3_600_000);
    utimesSync(path.join(folder, file), then, then);
  }

  it('go once they are a day old and neither the library nor a backup knows them', async () => {
    const id = await addPhotograph('b', 'Ромашкина');
    await library.backup();
    library.images.remove(id);
    for (const file of filesWith('b')) utimesSync(path.join(folder, file), 1, 1);
    await leave('c', 48);
    await leave('d', 1);
    expect(await library.collectLeftOvers()).toMatchObject({ files: 1 });
    expect(filesWith('c')).toEqual([]);
    expect(filesWith('d')).toHaveLength(1);
    // A backup that is restored finds its photograph; views are made anew.
    expect(filesWith('b').some((file) => file.startsWith('originals'))).toBe(true);
  });

  it('stay where a backup cannot be read, because nobody knows what it needs', async () => {
    const backup = await library.backup();
    await leave('c', 48);
    writeFileSync(backup.file, 'rubbish');
    expect(await library.collectLeftOvers()).toMatchObject({ files: 0 });
    expect(existsSync(path.join(folder, 'originals', 'cc', `${hash('c')}.jpg`))).toBe(true);
  });
});
