import { FundusLensError } from '../../contract/errors.ts';
import { FolderStorage } from './folder-storage.ts';
import type { ObjectStorage } from './storage.ts';

/**
 * Opens the place that all hosts reach under the same or another path.
 *
 * @param folder absolute, or relative to the working directory
 * @throws FundusLensError `cluster.storage`
 */
export async function openStorage(folder: string): Promise<ObjectStorage> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(folder))
    throw new FundusLensError('cluster.storage', 'This kind of storage is not known.', {
      expected: 'a folder that every host reaches, such as a network share',
      found: folder.split('://', 1)[0]!,
      advice: 'Name a folder.',
    });
  return FolderStorage.open(folder);
}
