import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A page of our own that leads to an address. Command lines are readable for every account of a computer; the file is
 * readable for its owner only, so that the address and its token stay with whoever started the server.
 *
 * @returns path of the file, in a folder of its own
 */
export function writeRedirect(url: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fundus-lens-'));
  const file = join(folder, 'open.html');
  const target = url.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  const page = `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Fundus Lens</title>
<meta http-equiv="refresh" content="0;url=${target}"><a href="${target}">Fundus Lens</a>
`;
  writeFileSync(file, page, { mode: 0o600, flag: 'wx' });
  return file;
}
