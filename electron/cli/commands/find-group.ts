import type { Group } from '../../contract/images/groups.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { LibraryTools } from './library-context.ts';

/** @throws FundusLensError `input.invalid`, naming those that exist */
export async function findGroup(client: LibraryTools['client'], name: string): Promise<Group> {
  const groups = await client.groups.list();
  const known = groups.find((group) => group.name === name.normalize('NFC').trim());
  if (known !== undefined) return known;
  throw noSuch(
    'group',
    name,
    groups.map((group) => group.name),
  );
}

export function noSuch(kind: string, found: string, known: readonly string[]): FundusLensError {
  return new FundusLensError('input.invalid', `There is no such ${kind}.`, {
    expected: known.length === 0 ? 'one that exists' : known.join(', '),
    found,
  });
}
