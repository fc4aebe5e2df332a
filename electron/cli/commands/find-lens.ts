import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { LensSummary } from '../../contract/traces/lenses.ts';
import { plainLenses } from '../../engine/lens-trace/lens-trace.ts';
import { fittedLensKinds } from '../../engine/lens-trace/lenses/fitted-lens.ts';
import { fittedOf, type LensChoice } from '../../engine/lens-trace/trace-request.ts';
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

/**
 * Takes a lens's file into the library.
 *
 * @param modelId what it was fitted to, for a file that does not say so
 * @throws FundusLensError `lens.file-damaged`, `lens.newer-version`, `lens.other-model`, `input.invalid`
 */
export async function importLens(
  client: Client,
  file: string,
  { name, modelId }: { readonly name?: string | undefined; readonly modelId?: number | undefined } = {},
): Promise<LensSummary> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new FundusLensError('lens.file-damaged', `Cannot read ${file}.`, {
      expected: 'a file that exists and may be read',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'Choose another file.',
      cause,
    });
  });
  const content = new File([bytes], path.basename(file));
  return client.lenses.import({
    file: content,
    ...(name === undefined ? {} : { name }),
    ...(modelId === undefined ? {} : { modelId }),
  });
}

/**
 * What `--lens` names: `logit`, `raw`, or the kind of a fitted lens, a colon, and its name in the library or a file, which
 * becomes one of the library.
 *
 * @param modelId what is traced; a file that does not name its model is taken for one of this
 * @throws FundusLensError `input.invalid`, `lens.file-damaged`, `lens.newer-version`
 */
export async function chooseLens(client: Client, text: string, modelId: number): Promise<LensChoice> {
  const plain = plainLenses.find((kind) => kind === text);
  if (plain !== undefined) return plain;
  const fitted = fittedOf(text);
  if (fitted === null)
    throw noSuch('lens', text, [...plainLenses, ...fittedLensKinds.map((kind) => `${kind}:NAME`)]);
  const { kind, which } = fitted;
  const isFile = /\.(?:safetensors|pt)$/i.test(which);
  const lens = await (isFile ? importLens(client, which, { modelId }) : findLens(client, which));
  if (lens.kind !== kind) throw noSuch('lens', text, [`${lens.kind}:${which}`]);
  return `${kind}:${lens.sha256}`;
}
