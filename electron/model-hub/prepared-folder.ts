import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fidelityReportSchema } from '../engine/lens-trace/fidelity-report.ts';
import type { FidelityReport } from '../engine/lens-trace/fidelity-report.ts';
import { preparedFiles, preparedManifestSchema } from '../contract/models/prepared-model.ts';
import type { PreparedSummary } from '../contract/models/models.ts';

interface Known {
  readonly changedAt: number;
  readonly value: unknown;
}

/** Parsed files by path; manifests name every tensor, and lists are read often. */
const cache = new Map<string, Known>();
const maxCached = 200;

/** What a prepared folder was made from and how; null of a folder that is none. */
export function readPrepared(folder: string): PreparedSummary | null {
  return readOnce(path.join(folder, preparedFiles.manifest), (json) => {
    const { format, blockSize, symmetric, keep, calibration, source } = preparedManifestSchema.parse(json);
    return {
      ...{ format, blockSize, symmetric, keep },
      calibrationImages: calibration?.images.length ?? 0,
      sourceName: source.name,
      sourceSha256: source.sha256,
    };
  });
}

/** How true its numbers were found to be; null before that was measured. */
export function readFidelity(folder: string): FidelityReport | null {
  return readOnce(path.join(folder, preparedFiles.fidelity), (json) => fidelityReportSchema.parse(json));
}

function readOnce<T>(file: string, parse: (json: unknown) => T): T | null {
  const changedAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  if (changedAt === undefined) return null;
  const known = cache.get(file);
  if (known?.changedAt === changedAt) return known.value as T | null;
  let value: T | null = null;
  try {
    value = parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // A file of a newer version, or a damaged one, says nothing.
  }
  if (cache.size >= maxCached) cache.clear();
  cache.set(file, { changedAt, value });
  return value;
}
