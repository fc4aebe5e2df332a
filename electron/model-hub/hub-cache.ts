import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { CheckpointReport } from '../contract/models/checkpoint-report.ts';
import { FundusLensError } from '../contract/errors.ts';
import type { CachedModel } from '../contract/models/models.ts';
import { chooseFiles, chooseShards } from './choose-files.ts';
import { ContentHash, findDifference } from './content-hash.ts';
import type { ExpectedFile } from './content-hash.ts';
import { hashesOfBlob, openLocalSource } from './local-source.ts';

/** Where Python's huggingface_hub keeps what it has downloaded, by the same variables. */
export function findHubCache(env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env['HF_HUB_CACHE'] ?? env['HUGGINGFACE_HUB_CACHE'];
  if (chosen !== undefined && chosen !== '') return path.resolve(chosen);
  const home = env['HF_HOME'];
  if (home !== undefined && home !== '') return path.resolve(home, 'hub');
  const caches = env['XDG_CACHE_HOME'];
  const base = caches === undefined || caches === '' ? path.join(homedir(), '.cache') : caches;
  return path.join(base, 'huggingface', 'hub');
}

/** Every revision of every model in the cache, complete or not; nothing when there is no cache. */
export async function listHubCache(root: string): Promise<CachedModel[]> {
  const names = await readdir(root).catch(() => []);
  const models: CachedModel[] = [];
  for (const name of names.filter((entry) => entry.startsWith('models--')).sort()) {
    const folder = path.join(root, name);
    const repository = name.slice('models--'.length).replace('--', '/');
    const refs = await readRefs(path.join(folder, 'refs'));
    const commits = await readdir(path.join(folder, 'snapshots')).catch(() => []);
    for (const commit of commits) {
      const snapshot = path.join(folder, 'snapshots', commit);
      models.push({
        repository,
        commit,
        refs: refs.filter((ref) => ref.commit === commit).map((ref) => ref.name),
        folder: snapshot,
        ...(await describeSnapshot(snapshot)),
      });
    }
  }
  return models;
}

/**
 * Compares what was read of a snapshot with what the cache says it is.
 *
 * @throws FundusLensError `model.hash-mismatch`
 */
export async function verifySnapshot(
  folder: string,
  { files }: Pick<CheckpointReport, 'files'>,
  signal: AbortSignal,
): Promise<void> {
  for (const { name, bytes, sha256 } of files) {
    const real = await realpath(path.join(folder, name));
    const expected = { name, bytes, ...hashesOfBlob(real) };
    const difference = findDifference(expected, bytes, {
      sha256,
      gitSha1: await gitSha1Of(real, expected, signal),
    });
    if (difference !== null) {
      throw new FundusLensError(
        'model.hash-mismatch',
        `${name} in the cache is not what it was downloaded as.`,
        {
          ...difference,
          advice: 'Delete this revision from the cache and download it again.',
        },
      );
    }
  }
}

async function gitSha1Of(file: string, expected: ExpectedFile, signal: AbortSignal): Promise<string | null> {
  if (expected.gitSha1 === null) return null;
  const hash = new ContentHash(expected);
  await hash.updateFromFile(file, expected.bytes, signal);
  return hash.end().gitSha1;
}

async function describeSnapshot(folder: string) {
  const config = await readConfig(folder);
  const modelType = typeof config?.['model_type'] === 'string' ? config['model_type'] : null;
  const known = { modelType, hasVision: typeof config?.['vision_config'] === 'object' };
  const entries = await readdir(folder).catch(() => []);
  const broken: string[] = [];
  for (const name of entries) {
    if ((await stat(path.join(folder, name)).catch(() => null)) === null) broken.push(name);
  }
  const { files } = await openLocalSource({ kind: 'folder', folder });
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (broken.length > 0) return { ...known, bytes, complete: false, missing: broken.join(', ') };
  try {
    const { small, weights } = chooseFiles(files);
    const hasIndex = small.some(({ name }) => name === 'model.safetensors.index.json');
    const index = hasIndex ? await readFile(path.join(folder, 'model.safetensors.index.json'), 'utf8') : null;
    chooseShards(weights, index);
    return { ...known, bytes, complete: true, missing: null };
  } catch (error) {
    const missing = error instanceof FundusLensError ? (error.found ?? error.summary) : String(error);
    return { ...known, bytes, complete: false, missing };
  }
}

async function readConfig(folder: string): Promise<Record<string, unknown> | null> {
  try {
    const json: unknown = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'));
    return typeof json === 'object' ? (json as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

/** Files below refs/ hold the commit that a branch, tag or pull request meant when it was downloaded. */
async function readRefs(folder: string): Promise<{ name: string; commit: string }[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const refs = await Promise.all(
    names.map(async (name) => ({
      name: name.replaceAll(path.sep, '/'),
      commit: (await readFile(path.join(folder, name), 'utf8').catch(() => '')).trim(),
    })),
  );
  return refs.filter(({ commit }) => commit !== '');
}
