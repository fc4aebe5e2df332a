import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { EngineClient } from '../../engine/process/engine-client.ts';
import { findModel } from '../traces/bundled-defaults.ts';

/** Models of this host: folder by SHA-256. */
export type WorkerModels = Map<string, string>;

/**
 * Hashes the checkpoints of a folder: itself, or those in it, and the bundled one. What is no checkpoint is left out.
 *
 * @param onProblem hears why a folder was left out
 */
export async function findWorkerModels(
  engine: EngineClient,
  folder: string | undefined,
  onProblem: (folder: string, error: unknown) => void,
): Promise<WorkerModels> {
  const models: WorkerModels = new Map();
  for (const candidate of [...(await candidatesIn(folder)), findModel(undefined)]) {
    try {
      const { sha256 } = await engine.inspect(candidate);
      models.set(sha256, candidate);
    } catch (error) {
      onProblem(candidate, error);
    }
  }
  return models;
}

async function candidatesIn(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return [];
  const absolute = path.resolve(folder);
  const names = await readdir(absolute);
  const inside = names.sort().map((name) => path.join(absolute, name));
  return [absolute, ...inside].filter((each) => existsSync(path.join(each, 'config.json')));
}
