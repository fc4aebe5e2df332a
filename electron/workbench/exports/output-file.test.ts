import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FundusLensError } from '../../contract/errors.ts';
import { OutputFile, writeThrough } from './output-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'вывод с пробелом '));
});
afterEach(() => rmSync(folder, { recursive: true }));

const unwritable = { code: 'output.unwritable' };

describe('OutputFile', () => {
  test('appears only when it is whole', async () => {
    const file = await OutputFile.open(join(folder, 'следы.json'));
    await file.write('раз\n');
    await file.write(Buffer.from('два\n'));
    expect(existsSync(join(folder, 'следы.json'))).toBe(false);
    await file.commit();
    expect(readFileSync(join(folder, 'следы.json'), 'utf8')).toBe('раз\nдва\n');
    expect(readdirSync(folder)).toEqual(['следы.json']);
  });

  test('takes the place of an older file, and leaves it alone when discarded', async () => {
    const target = join(folder, 'a.json');
    writeFileSync(target, 'old');
    const discarded = await OutputFile.open(target);
    await discarded.write('new');
    await discarded.discard();
    expect(readFileSync(target, 'utf8')).toBe('old');
    const kept = await OutputFile.open(target);
    await kept.write('new');
    await kept.commit();
    expect(readFileSync(target, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a.json']);
  });

  test.skipIf(process.platform === 'win32')(
    'is for its owner alone below a folder of everybody',
    async () => {
      const file = await OutputFile.open(join(folder, 'a.csv'));
      await file.commit();
      await writeThrough(join(folder, 'b.bin'), (temporary) => {
        writeFileSync(temporary, 'x', { mode: 0o644 });
        return Promise.resolve();
      });
      const modes = ['a.csv', 'b.bin'].map((name) => statSync(join(folder, name)).mode & 0o777);
      expect(modes).toEqual([0o600, 0o600]);
      const own = mkdtempSync(join(process.cwd(), '.own-'));
      try {
        await (await OutputFile.open(join(own, 'a.csv'))).commit();
        writeFileSync(join(own, 'b.csv'), '');
        const isOpen = (at: string): boolean =>
          (statSync(at).mode & 0o002) !== 0 || (dirname(at) !== at && isOpen(dirname(at)));
        const ordinary = statSync(join(own, 'b.csv')).mode & 0o777;
        expect(statSync(join(own, 'a.csv')).mode & 0o777).toBe(isOpen(own) ? 0o600 : ordinary);
      } finally {
        rmSync(own, { recursive: true });
      }
    },
  );

  test('writes the file that a link means', async () => {
    writeFileSync(join(folder, 'real.json'), 'old');
    symlinkSync('real.json', join(folder, 'link.json'));
    const file = await OutputFile.open(join(folder, 'link.json'));
    await file.write('new');
    await file.commit();
    expect(readFileSync(join(folder, 'real.json'), 'utf8')).toBe('new');
  });

  test('a folder, a missing folder and a file in the way are known before any work', async () => {
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'file'), '');
    for (const target of ['sub', 'missing/a.json', 'file/a.json']) {
      await expect(OutputFile.open(join(folder, target)), target).rejects.toMatchObject(unwritable);
    }
    expect(readdirSync(folder).sort()).toEqual(['file', 'sub']);
  });

  test.runIf(existsSync('/dev/full'))('a full disk is reported as such', async () => {
    const file = await OutputFile.open('/dev/full');
    await expect(file.write('x')).rejects.toMatchObject({ ...unwritable, found: 'the disk is full' });
    await file.discard();
    expect(existsSync('/dev/full')).toBe(true);
  });
});

describe('writeThrough', () => {
  test('gives the file its name when the work is done', async () => {
    const target = join(folder, 'dump.safetensors');
    await expect(
      writeThrough(target, (temporary) => {
        writeFileSync(temporary, 'whole');
        return Promise.resolve(7);
      }),
    ).resolves.toBe(7);
    expect(readFileSync(target, 'utf8')).toBe('whole');
    expect(readdirSync(folder)).toEqual(['dump.safetensors']);
  });

  test('leaves nothing behind when the work fails half-way', async () => {
    const target = join(folder, 'dump.safetensors');
    const killed = new FundusLensError('engine.killed', 'Killed.');
    const work = (temporary: string) => {
      writeFileSync(temporary, 'half');
      writeFileSync(`${temporary}.part`, 'half');
      return Promise.reject(killed);
    };
    await expect(writeThrough(target, work)).rejects.toBe(killed);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('names the target, not the temporary file, and begins no work where it cannot write', async () => {
    let begun = false;
    const work = () => {
      begun = true;
      return Promise.resolve();
    };
    const target = join(folder, 'missing', 'dump.safetensors');
    await expect(writeThrough(target, work)).rejects.toMatchObject({
      ...unwritable,
      summary: `Cannot write ${target}.`,
    });
    expect(begun).toBe(false);
    const refused = new FundusLensError('output.unwritable', 'Cannot write /other.', {
      found: 'the disk is full',
    });
    await expect(writeThrough(join(folder, 'a'), () => Promise.reject(refused))).rejects.toMatchObject({
      ...unwritable,
      summary: `Cannot write ${join(folder, 'a')}.`,
      found: 'the disk is full',
    });
  });
});
