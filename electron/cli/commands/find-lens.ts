import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { LensSummary } from '../../contract/traces/lenses.ts';
import { plainLenses } from '../../engine/lens-trace/lens-trace.ts';
import type { LensChoice } from '../../engine/lens-trace/trace-request.ts';
import { noSuch } from './find-group.ts';
import type { LibraryTools } from './library-context.ts';

type Client = LibraryTools['client'];

/** @throws FundusLensError `input.invalid`, naming those that exist */
export async function findLens(client: Client, which: string): Promise<LensSummary> {
  const all = await client.lenses.list();
  const found = all.find(({ id, name }) => String(id) === which || name === which.normalize('NFC'));
  if (found !== undefined) return found;
  throw noSuch(
    'lens',
    which,
    all.map(({ id, name }) => `${id} (${name})`),
  );
}

/** @throws FundusLensError `lens.file-damaged`, `lens.newer-version` */
export async function importLens(client: Client, file: string, name?: string): Promise<LensSummary> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new FundusLensError('lens.file-damaged', `Cannot read ${file}.`, {
      expected: 'a file that exists and may be read',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'Choose another file.',
      cause,
    });
  });
  const content = new File([bytes], path.basename(file));
  return client.lenses.import(name === undefined ? { file: content } : { file: content, name });
}

/**
 * What `--lens` names: `logit`, `raw`, or `shortcut:` with a lens of the library or a file, which becomes one of the library.
 *
 * @throws FundusLensError `input.invalid`, `lens.file-damaged`, `lens.newer-version`
 */
export async function chooseLens(client: Client, text: string): Promise<LensChoice> {
  const plain = plainLenses.find((kind) => kind === text);
  if (plain !== undefined) return plain;
  const which = /^shortcut:(.+)$/s.exec(text)?.[1];
  if (which === undefined) throw noSuch('lens', text, [...plainLenses, 'shortcut:NAME']);
  const isFile = which.endsWith('.safetensors');
  const { sha256 } = await (isFile ? importLens(client, which) : findLens(client, which));
  return `shortcut:${sha256}`;
}
