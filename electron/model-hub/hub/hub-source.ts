import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import type { ModelOrigin } from '../../contract/models/models.ts';
import type { ExpectedFile } from '../content-hash.ts';
import type { FileSource } from '../file-source.ts';
import type { HubClient } from './hub-client.ts';

const infoSchema = z.object({
  id: z.string().optional(),
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string().min(1),
      size: z.int().nonnegative(),
      blobId: z
        .string()
        .regex(/^[0-9a-f]{40}$/)
        .optional(),
      lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().nonnegative() }).nullish(),
    }),
  ),
});

/**
 * A revision of a repository, with size and hash of every file. The commit is fixed here, so that a download that is
 * resumed weeks later gets the same files.
 *
 * @throws FundusLensError `hub.*`
 */
export async function openHubSource(
  client: HubClient,
  { repository, revision }: { readonly repository: string; readonly revision: string },
  signal: AbortSignal,
): Promise<FileSource> {
  const what = `${repository} (${revision})`;
  const path = `api/models/${encodePath(repository)}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const parsed = infoSchema.safeParse(await client.getJson(path, what, signal));
  if (!parsed.success) {
    throw new FundusLensError('hub.wrong-content', `The hub describes ${what} in a way that is not known.`, {
      expected: 'the commit, and size and hash of every file',
      found: z.prettifyError(parsed.error).slice(0, 500),
      advice: 'Check the address of the hub in the settings; a mirror must answer as huggingface.co does.',
    });
  }
  const { sha: commit, siblings } = parsed.data;
  const files = siblings.map(({ rfilename, size, blobId, lfs }) => ({
    name: rfilename,
    bytes: lfs?.size ?? size,
    sha256: lfs?.sha256 ?? null,
    gitSha1: lfs == null ? (blobId ?? null) : null,
  }));
  const endpoint = client.endpoint.href.replace(/\/$/, '');
  const origin = { kind: 'hub', endpoint, repository, revision, commit } as const;
  return hubSource(client, origin, files);
}

/** The same without asking again, as when a download is resumed. */
export function hubSource(
  client: HubClient,
  origin: Extract<ModelOrigin, { kind: 'hub' }>,
  files: readonly ExpectedFile[],
): FileSource {
  const { repository, commit } = origin;
  return {
    origin,
    files,
    read: ({ name, bytes }, { from, to = bytes, signal }) =>
      client.getBytes(
        `${encodePath(repository)}/resolve/${commit}/${encodePath(name)}`,
        `${name} of ${repository}`,
        { from, to, bytes, signal },
      ),
  };
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
