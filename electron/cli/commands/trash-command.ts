import { FundusLensError } from '../../contract/errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions } from './library-context.ts';

export const trashCommands = ['list', 'restore', 'empty'] as const;

export type TrashCommand = (typeof trashCommands)[number];

export interface TrashCommandOptions extends LibraryOptions {
  readonly json?: boolean | undefined;
}

/** Shows what was removed, puts it back, or lets it go for good. @returns the exit code */
export function runTrash(
  action: TrashCommand,
  ids: readonly number[],
  options: TrashCommandOptions,
): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    if (action === 'restore') {
      if (ids.length === 0) {
        throw new FundusLensError('input.invalid', 'Nothing is named that could be put back.', {
          expected: 'numbers, as `fundus-lens trash` lists them',
          found: 'none',
        });
      }
      const { changed } = await client.trash.restore({ ids: [...ids] });
      await print(`Put back: ${changed}\n`);
      return exitCodes.done;
    }
    const items = await client.trash.list();
    if (action === 'empty') {
      const going = ids.length > 0 ? [...ids] : items.map(({ id }) => id);
      const { changed } = going.length === 0 ? { changed: 0 } : await client.trash.remove({ ids: going });
      await print(`Gone for good: ${changed}. \`fundus-lens erase\` makes it unreadable.\n`);
      return exitCodes.done;
    }
    if (options.json === true) {
      await print(`${JSON.stringify(items, null, 2)}\n`);
      return exitCodes.done;
    }
    const rows = items.map(({ id, kind, label, removedAt, goesAt }) => [
      String(id),
      kind,
      label,
      removedAt.slice(0, 10),
      goesAt.slice(0, 10),
    ]);
    await print(
      rows.length === 0
        ? 'The trash is empty.\n'
        : drawTable(['number', 'kind', 'what', 'removed', 'kept until'], rows, 44),
    );
    return exitCodes.done;
  });
}
