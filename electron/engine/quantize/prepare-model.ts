import packageJson from '#package.json' with { type: 'json' };
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import {
  preparedFiles,
  type PreparedManifest,
  type PrepareProgress,
  type PrepareRequest,
  type PrepareStage,
} from '../../contract/models/prepared-model.ts';
import { fingerprintCheckpoint, isWeightsFile } from '../checkpoint/fingerprint.ts';
import { openCheckpoint, type Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { readPreparedManifest } from '../checkpoint/prepared-folder.ts';
import { cpuTarget } from '../graph/graph-target.ts';
import { compileGraphs } from '../model/load-model.ts';
import { reportProgress } from '../progress/trace-hooks.ts';
import { calibrate, nameCalibration, type Calibration } from './calibrate.ts';
import { calibrationFile } from './calibration-file.ts';
import { Journal } from './journal.ts';
import { completeOptions, planTensors, type CompleteOptions, type PreparePlan } from './plan.ts';
import { PrepareThreads } from './prepare-threads.ts';
import { verifyWeights } from './verify-weights.ts';
import { writeTensors } from './write-tensors.ts';

export interface PrepareHooks {
  readonly onProgress?: (progress: PrepareProgress) => void;
  /** An abort ends the work within a chunk, with `engine.cancelled`; what is finished is kept for the next try. */
  readonly signal?: AbortSignal;
}

/** Changes whenever the same source and options would give other bytes. */
const recipe = 2;
const verifyTries = 2;

/**
 * Writes a checkpoint's weights in another format, for in-place loading: tensor by tensor in chunks of rows, on
 * all cores, in bounded memory. A try that was cancelled or killed is taken up where it stopped, and the folder
 * gets its name only when every byte in it was verified.
 *
 * @returns the manifest; at once when the target already holds the same
 * @throws FundusLensError `model.*` for what is wrong with the source, `output.unwritable`, `engine.cancelled`
 */
export async function prepareModel(request: PrepareRequest, hooks: PrepareHooks): Promise<PreparedManifest> {
  const { source, target } = request;
  const options = completeOptions(request);
  const checkpoint = await openCheckpoint(source);
  if (checkpoint.prepared !== null) throw alreadyPrepared(source);
  compileGraphs(checkpoint, cpuTarget);
  const report = (stage: PrepareStage, done: number, total: number, tensor: string | null = null) => {
    hooks.onProgress?.({ stage, done, total, tensor });
  };
  try {
    const { signal } = hooks;
    const fingerprint = await fingerprintCheckpoint(source, {
      ...(signal === undefined ? {} : { signal }),
      onProgress: (done, total) => report('hash', done, total),
    });
    const calibration =
      request.calibration === undefined || !options.calibrated
        ? null
        : await nameCalibration(request.calibration);
    const id = hashOf({ recipe, source: fingerprint.sha256, ...options, calibration });
    const existing = existsSync(target) ? await readPreparedManifest(target).catch(() => null) : null;
    if (existing?.id === id) return existing;
    if (existsSync(target)) throw targetExists(target);

    const plan = planTensors(checkpoint, options);
    const folder = `${target}.preparing`;
    const journal = await openFolder(folder, id, plan);
    const weightsFile = path.join(folder, preparedFiles.weights);
    if (calibration !== null) {
      await calibrate(source, request.calibration!, plan, weightsFile, journal, (done, total) =>
        reportCalibration(hooks, done, total),
      );
    }
    for (let attempt = 1; ; attempt++) {
      await writeWithThreads(plan, weightsFile, journal, hooks, report);
      const { sha256, damaged } = await verifyWeights(plan, weightsFile, journal, hooks, report);
      if (damaged.length === 0) {
        const manifest = await finish(checkpoint, {
          plan,
          options,
          calibration,
          id,
          sha256,
          fingerprint,
          journal,
          folder,
        });
        await rename(folder, target);
        return manifest;
      }
      journal.remove(damaged, id);
      if (attempt === verifyTries) throw unreliable(folder, damaged);
    }
  } catch (error) {
    if (hooks.signal?.aborted === true && !(error instanceof FundusLensError))
      throw new FundusLensError('engine.cancelled', 'Preparing was cancelled.', { cause: error });
    throw asOutputError(error, target);
  }
}

type Report = (stage: PrepareStage, done: number, total: number, tensor?: string | null) => void;

function reportCalibration({ onProgress, signal }: PrepareHooks, done: number, total: number): Promise<void> {
  return reportProgress(
    {
      onProgress: () => onProgress?.({ stage: 'calibrate', done, total, tensor: null }),
      ...(signal === undefined ? {} : { signal }),
    },
    'load',
    done,
    total,
  );
}

async function writeWithThreads(
  plan: PreparePlan,
  weightsFile: string,
  journal: Journal,
  hooks: PrepareHooks,
  report: Report,
): Promise<void> {
  const threads = new PrepareThreads(availableParallelism());
  try {
    await writeTensors(plan, weightsFile, { threads, journal, hooks, report });
  } finally {
    await threads.end();
  }
}

/** The folder of an earlier try at the same work, or an empty one with a weights file of the final size. */
async function openFolder(folder: string, id: string, { bytes, factors }: PreparePlan): Promise<Journal> {
  const needed = [...factors.values()].reduce((sum, { range }) => sum + range.bytes, bytes);
  const resumed = Journal.resume(folder, id);
  if (resumed !== null) return resumed;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < needed) {
    await rm(folder, { recursive: true });
    throw new FundusLensError(
      'output.unwritable',
      `There is not enough free space for the prepared model in ${folder}.`,
      {
        expected: `${needed} bytes free`,
        found: `${bavail * bsize}`,
        advice: 'Free some disk space, or choose another place or a smaller format.',
      },
    );
  }
  const weightsFile = path.join(folder, preparedFiles.weights);
  await writeFile(weightsFile, '');
  await truncate(weightsFile, bytes);
  return Journal.begin(folder, id);
}

interface Finished {
  readonly plan: PreparePlan;
  readonly options: CompleteOptions;
  readonly calibration: Calibration | null;
  readonly id: string;
  /** Of the weights file. */
  readonly sha256: string;
  readonly fingerprint: Awaited<ReturnType<typeof fingerprintCheckpoint>>;
  readonly journal: Journal;
  readonly folder: string;
}

/** Everything of the folder but the weights; the manifest last. */
async function finish(checkpoint: Checkpoint, finished: Finished): Promise<PreparedManifest> {
  const { plan, options, calibration, id, sha256, fingerprint, journal, folder } = finished;
  const { format, blockSize, symmetric, keep } = options;
  const small = fingerprint.files.filter(({ name }) => !isWeightsFile(name));
  for (const { name } of small) await copyFile(path.join(checkpoint.folder, name), path.join(folder, name));
  const manifest: PreparedManifest = {
    schema: 'fundus-lens.prepared/1',
    id,
    source: {
      path: path.resolve(checkpoint.folder),
      name: checkpoint.id,
      sha256: fingerprint.sha256,
      bytes: fingerprint.files.reduce((sum, file) => sum + file.bytes, 0),
    },
    ...{ format, blockSize, symmetric, keep, calibration },
    tensors: plan.tensors.map((tensor) => {
      const { sha256: tensorSha256, relativeError } = journal.get(tensor.name)!;
      return {
        name: tensor.name,
        shape: [...tensor.shape],
        format: tensor.format,
        data: tensor.data,
        blockSize: tensor.block?.blockSize ?? null,
        scales: tensor.scales,
        zeroPoints: tensor.zeroPoints,
        sha256: tensorSha256,
        relativeError,
      };
    }),
    files: [
      ...small.map(({ name, bytes, sha256: hash }) => ({ name, bytes, sha256: hash })),
      { name: preparedFiles.weights, bytes: plan.bytes, sha256 },
    ],
    software: { name: 'fundus-lens', version: packageJson.version },
  };
  await writeFile(path.join(folder, preparedFiles.manifest), `${JSON.stringify(manifest, null, 1)}\n`);
  await rm(Journal.place(folder));
  await rm(calibrationFile(path.join(folder, preparedFiles.weights)), { force: true });
  for (const { name } of [...manifest.files, { name: preparedFiles.manifest }]) {
    const handle = await open(path.join(folder, name), 'r+');
    await handle.sync();
    await handle.close();
  }
  return manifest;
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

function alreadyPrepared(source: string): FundusLensError {
  return new FundusLensError('model.tensor-dtype', `${source} is a prepared model already.`, {
    expected: 'a checkpoint of F32, F16 or BF16 weights',
    found: preparedFiles.manifest,
    advice: 'Prepare the checkpoint that it was made from; prepared.json names its folder.',
  });
}

function targetExists(target: string): FundusLensError {
  return new FundusLensError('output.unwritable', `${target} exists already.`, {
    expected: 'a folder that is not there yet',
    found: 'another model or other files',
    advice: 'Choose another name, or remove what is there.',
  });
}

function unreliable(folder: string, damaged: readonly string[]): FundusLensError {
  return new FundusLensError('output.unwritable', `${folder} does not give back what was written to it.`, {
    expected: 'the same bytes',
    found: `others in ${damaged.length} tensors, e.g. ${damaged[0]}`,
    advice: 'Check the disk, or choose another place.',
  });
}

function asOutputError(error: unknown, target: string): unknown {
  if (error instanceof FundusLensError || !(error instanceof Error) || !('code' in error)) return error;
  return new FundusLensError('output.unwritable', `Cannot write ${target}.`, {
    expected: 'a writable folder with enough free space',
    found: error.message,
    advice: 'Choose another place, or free some disk space.',
    cause: error,
  });
}
