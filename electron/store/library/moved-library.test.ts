import { existsSync, renameSync, rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openLibrary } from './library.ts';
import { scratchFolder } from '../testing.ts';

test('a library that was moved while it is open is not begun anew at its old place', async () => {
  const folder = scratchFolder();
  const library = await openLibrary(folder);
  const moved = `${folder} moved`;
  renameSync(folder, moved);
  try {
    const write = library.files.write('originals/ab/abc.jpg', Buffer.from('photograph'));
    await expect(write).rejects.toMatchObject({ code: 'library.unavailable' });
    expect(() => library.files.writeNow('arrays/ab/abc', Buffer.from('numbers'))).toThrow(
      expect.objectContaining({ code: 'library.unavailable' }),
    );
    expect(existsSync(folder)).toBe(false);
    // Back at its place it goes on.
    renameSync(moved, folder);
    await library.files.write('originals/ab/abc.jpg', Buffer.from('photograph'));
  } finally {
    library.close();
    rmSync(folder, { recursive: true, force: true });
    rmSync(moved, { recursive: true, force: true });
  }
});
