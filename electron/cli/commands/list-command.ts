import { FundusLensError } from '../../contract/errors.ts';
import type { Laterality } from '../../contract/laterality.ts';
import type { ImageFilter, ImageSortKey } from '../../contract/image-query.ts';
import { exitCodes } from '../exit-codes.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions, LibraryTools } from './library-context.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';

export interface ListCommandOptions extends LibraryOptions {
  readonly eye?: Exclude<Laterality, 'B'> | undefined;
  readonly patient?: string | undefined;
  readonly group?: string | undefined;
  readonly untraced?: boolean | undefined;
  readonly limit: number;
  readonly json?: boolean | undefined;
}

/** Lists images; with words, those in which every word occurs, best first. @returns the exit code */
export function runList(words: readonly string[], options: ListCommandOptions): Promise<number> {
  return withLibrary(options, {}, async (tools) => {
    const { client } = tools;
    const filter = await toFilter(tools, words, options);
    const sort: ImageSortKey = words.length > 0 ? 'relevance' : 'patient';
    const total = await client.images.count({ query: { filter } });
    const { items } = await client.images.page({ query: { filter, sort }, limit: options.limit });
    if (options.json === true) {
      await print(`${JSON.stringify({ total, images: items }, null, 2)}\n`);
      return exitCodes.done;
    }
    const rows = items.map((image) => [
      String(image.id),
      image.patientCode ?? '',
      image.laterality === 'unknown' ? '?' : image.laterality,
      image.capturedAt ?? '',
      `${image.width}×${image.height}`,
      String(image.traceCount),
      image.fileName,
    ]);
    const shown = items.length < total ? `${items.length} of ${total} images` : `${total} images`;
    const head = ['image', 'patient', 'eye', 'taken', 'size', 'traces', 'file'];
    await print(items.length === 0 ? 'No images.\n' : `${drawTable(head, rows)}${shown}\n`);
    return exitCodes.done;
  });
}

/** What the options of `list`, `search` and `trace --library` choose. */
export async function toFilter(
  { client }: Pick<LibraryTools, 'client'>,
  words: readonly string[],
  { eye, patient, group, untraced }: Omit<ListCommandOptions, 'limit' | 'json'>,
): Promise<ImageFilter> {
  const filter: ImageFilter = {};
  if (words.length > 0) filter.text = words.join(' ');
  if (eye !== undefined) filter.lateralities = [eye];
  if (untraced === true) filter.traced = { is: false };
  if (patient !== undefined) filter.patientId = await findPatient(client, patient);
  if (group !== undefined) {
    const known = (await client.groups.list()).find(({ name }) => name === group);
    filter.groupId = known?.id ?? noSuch('group', group);
  }
  return filter;
}

/** @throws input.invalid when nobody has the code */
export async function findPatient(client: LibraryTools['client'], code: string): Promise<number> {
  let afterId: number | undefined;
  for (;;) {
    const { items } = await client.patients.list({
      limit: 1000,
      ...(afterId === undefined ? {} : { afterId }),
    });
    const known = items.find((patient) => patient.code === code.normalize('NFC').trim());
    if (known !== undefined) return known.id;
    const last = items.at(-1);
    if (last === undefined) return noSuch('patient', code);
    afterId = last.id;
  }
}

function noSuch(kind: string, found: string): never {
  throw new FundusLensError('input.invalid', `There is no such ${kind} in this library.`, {
    found,
    advice: 'Check the spelling; `fundus-lens list` shows what there is.',
  });
}
