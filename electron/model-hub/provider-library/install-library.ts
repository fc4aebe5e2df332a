import { constants } from 'node:fs';
import { access, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import { fetchFile, presentBytes } from '../fetch-file.ts';
import type { HubClient } from '../hub/hub-client.ts';
import { PartialFolder } from '../partial-folder.ts';
import { defaultFetchRules, retry } from '../patience.ts';
import type { FetchRules } from '../patience.ts';
import { requireDisk } from '../room.ts';
import { cudaPackage } from './cuda-package.ts';
import type { RuntimePlace } from './cuda-package.ts';
import { asFeedProblem } from './feed-problems.ts';
import { findPackage } from './nuget-feed.ts';
import { hashPackage, unpackedEnding, unpackPackage } from './unpack-package.ts';

export type InstallPhase = 'ask' | 'fetch' | 'waiting' | 'hash' | 'unpack';

export interface InstallHooks {
  readonly signal: AbortSignal;
  /** Bytes; 0 of 0 while nothing is known. */
  readonly onProgress: (phase: InstallPhase, done: number, total: number) => void;
}

/** Kept beside the library, so that it is known where it came from and that it is ours to remove. */
const recordSchema = z.object({
  schema: z.literal('fundus-lens.provider-library/1'),
  package: z.string(),
  version: z.string(),
  /** Of the package; `compared` when somebody stated it. */
  sha512: z.string(),
  compared: z.boolean(),
  from: z.string(),
  installedAt: z.string(),
  files: z.array(z.object({ name: z.string(), bytes: z.int().nonnegative(), sha256: z.string() })),
});
export type LibraryRecord = z.infer<typeof recordSchema>;

const recordFile = 'fundus-lens-cuda.json';

/** Why the library cannot be installed in this place at all; null when it can. */
export function whyNoLibrary({ platform }: Pick<RuntimePlace, 'platform'>): FundusLensError | null {
  if (platform === cudaPackage.platform) return null;
  return new FundusLensError('provider.no-library', 'There is no CUDA library for this system.', {
    expected: 'Linux on x64, the only system for which ONNX Runtime publishes one for Node',
    found: platform,
    advice: 'Use the webgpu provider, which drives NVIDIA cards too.',
  });
}

/** @returns what was installed here, null when nothing was or its library is gone */
export async function readLibraryRecord({ folder }: RuntimePlace): Promise<LibraryRecord | null> {
  try {
    const text = await readFile(path.join(folder, recordFile), 'utf8');
    const record = recordSchema.parse(JSON.parse(text));
    await Promise.all(record.files.map(({ name }) => stat(path.join(folder, name))));
    return record;
  } catch {
    return null;
  }
}

/**
 * Downloads the library of the installed ONNX Runtime's version, compares the package with the hash that the feed states,
 * and puts it where ONNX Runtime looks for it. A download that was interrupted goes on.
 *
 * @param client its endpoint is the address of the feed
 * @param downloads folder for the package until it is unpacked
 * @throws FundusLensError `hub.*`, `model.hash-mismatch`, `model.disk-full`, `model.busy`, `provider.*`,
 *   `output.unwritable`
 */
export async function installFromFeed(
  client: HubClient,
  place: RuntimePlace,
  downloads: string,
  hooks: InstallHooks,
  rules: FetchRules = defaultFetchRules,
): Promise<LibraryRecord> {
  await requirePlace(place);
  const { signal, onProgress } = hooks;
  const folder = new PartialFolder(downloads);
  await folder.lock();
  try {
    onProgress('ask', 0, 0);
    const { version } = place;
    const found = await retry(rules, { signal }, () =>
      findPackage(client, { id: cudaPackage.id, version }, signal),
    );
    const name = `${found.id.toLowerCase()}.${version.toLowerCase()}.nupkg`;
    const file = { name, bytes: found.bytes, sha256: null, gitSha1: null, sha512: found.sha512 };
    await requireDisk(downloads, found.bytes - (await presentBytes(downloads, file)));
    let done = 0;
    let isWaiting = false;
    const tell = () => onProgress(isWaiting ? 'waiting' : 'fetch', done, found.bytes);
    await fetchFile(
      {
        read: (_, { from, to = found.bytes }) =>
          client.getBytes(found.url, name, { from, to, bytes: found.bytes, signal }),
      },
      file,
      downloads,
      {
        signal,
        onBytes: (change) => {
          done += change;
          tell();
        },
        onWait: (milliseconds) => {
          isWaiting = milliseconds > 0;
          tell();
        },
      },
      rules,
    );
    const target = path.join(downloads, name);
    const origin = { sha512: found.sha512, compared: true, from: found.url };
    const record = await putInPlace(target, place, origin, hooks);
    await rm(downloads, { recursive: true, force: true });
    return record;
  } catch (error) {
    throw asFeedProblem(error, client.endpoint.href);
  } finally {
    folder.unlock();
  }
}

/**
 * The same with a package that a person has brought here.
 *
 * @param sha512 what it must be, hexadecimal or base64; null compares with nothing, and the record says so
 */
export async function installFromFile(
  file: string,
  sha512: string | null,
  place: RuntimePlace,
  hooks: InstallHooks,
): Promise<LibraryRecord> {
  await requirePlace(place);
  const known = await stat(file).catch(() => null);
  if (known?.isFile() !== true) {
    throw new FundusLensError('provider.package', 'There is no such file.', {
      expected: `${cudaPackage.id}.${place.version}.nupkg`,
      found: file,
      advice: 'Download it on a computer with a network, from the page of the package on nuget.org.',
    });
  }
  hooks.onProgress('hash', 0, known.size);
  const found = await hashPackage(file, hooks.signal);
  const expected = sha512 === null ? null : readHash(sha512);
  if (expected !== null && expected !== found) {
    throw new FundusLensError('model.hash-mismatch', `${path.basename(file)} is not what was expected.`, {
      expected: `SHA-512 ${expected}`,
      found,
      advice: 'Fetch the package anew, and compare the hash with the one that its feed states.',
    });
  }
  const origin = { sha512: found, compared: expected !== null, from: path.basename(file) };
  return putInPlace(file, place, origin, hooks);
}

/** Takes away what {@link installFromFeed} or {@link installFromFile} brought. @throws FundusLensError `provider.in-place`, `output.unwritable` */
export async function removeLibrary(place: RuntimePlace): Promise<void> {
  const record = await readLibraryRecord(place);
  if (record === null) {
    throw new FundusLensError('provider.in-place', 'No CUDA library was installed by this software.', {
      expected: `a library in ${place.folder} with our note beside it`,
      found: 'none',
      advice: 'Files that somebody placed there by hand are not touched.',
    });
  }
  try {
    // The provider first: without it nothing counts as installed.
    for (const { name } of record.files.toReversed())
      await rm(path.join(place.folder, name), { force: true });
    await rm(path.join(place.folder, recordFile), { force: true });
    await removeUnnamed(place.folder);
  } catch (error) {
    throw asPlaceProblem(error, place.folder);
  }
}

/** Unpacks beside the place, then gives each file its name in one step. */
async function putInPlace(
  file: string,
  place: RuntimePlace,
  origin: Pick<LibraryRecord, 'sha512' | 'compared' | 'from'>,
  { signal, onProgress }: InstallHooks,
): Promise<LibraryRecord> {
  const { folder, version } = place;
  const order = { ...cudaPackage, version };
  try {
    const files = await unpackPackage(file, order, folder, {
      signal,
      onBytes: (done, total) => onProgress('unpack', done, total),
    });
    const record: LibraryRecord = {
      schema: 'fundus-lens.provider-library/1',
      package: cudaPackage.id,
      version,
      ...origin,
      installedAt: new Date().toISOString(),
      files,
    };
    const note = path.join(folder, recordFile);
    await writeFile(`${note}.new`, `${JSON.stringify(record, null, 2)}\n`);
    await rename(`${note}.new`, note);
    for (const { name } of files)
      await rename(path.join(folder, `${name}${unpackedEnding}`), path.join(folder, name));
    return record;
  } catch (error) {
    await removeUnnamed(folder);
    throw asPlaceProblem(error, folder);
  }
}

/** What an installation that was killed has unpacked. */
async function removeUnnamed(folder: string): Promise<void> {
  for (const name of cudaPackage.files)
    await rm(path.join(folder, `${name}${unpackedEnding}`), { force: true }).catch(() => undefined);
}

/** Before anything is fetched: a system that has such a library, and a folder that may be written to. */
async function requirePlace(place: RuntimePlace): Promise<void> {
  const reason = whyNoLibrary(place);
  if (reason !== null) throw reason;
  try {
    await mkdir(place.folder, { recursive: true });
    await access(place.folder, constants.W_OK);
  } catch (error) {
    throw asPlaceProblem(error, place.folder);
  }
}

function asPlaceProblem(error: unknown, folder: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) return error;
  return new FundusLensError('output.unwritable', 'The folder of ONNX Runtime cannot be written to.', {
    expected: `the right to write in ${folder}`,
    found: code,
    advice: 'Run the same as a user who may, or install Fundus Lens where you may.',
    cause: error,
  });
}

/** @throws FundusLensError `input.invalid` */
function readHash(text: string): string {
  const trimmed = text.trim();
  if (/^[0-9a-f]{128}$/i.test(trimmed)) return trimmed.toLowerCase();
  const bytes = Buffer.from(trimmed, 'base64');
  if (bytes.length === 64) return bytes.toString('hex');
  throw new FundusLensError('input.invalid', 'This is no SHA-512.', {
    expected: '128 hexadecimal digits, or base64 as NuGet writes it',
    found: trimmed.slice(0, 40),
  });
}
