import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { problemSchema } from '../contract/problem.ts';
import { FundusLensError } from '../contract/errors.ts';
import { idSchema } from '../contract/ids.ts';
import { modelOriginSchema, prepareChoicesSchema } from '../contract/models/models.ts';

/** Ending of a folder that is not a model yet; nothing lists it as one. */
export const partialEnding = '.partial';

const stateFile = 'task.json';
const lockFile = 'lock';

/** What is remembered of a model on its way, so that it can go on after a restart. */
export const partialStateSchema = z.object({
  schema: z.literal('fundus-lens.partial/1'),
  id: z.string(),
  kind: z.enum(['download', 'copy', 'prepare']),
  /** Name for people. */
  name: z.string(),
  origin: modelOriginSchema,
  files: z.array(
    z.object({
      name: z.string(),
      bytes: z.int().nonnegative(),
      sha256: z.string().nullable(),
      gitSha1: z.string().nullable(),
    }),
  ),
  /** Of a preparation only. */
  prepare: prepareChoicesSchema.extend({ modelId: idSchema }).nullable(),
  /** `running` after a crash means "go on". */
  state: z.enum(['running', 'paused', 'failed']),
  problem: problemSchema.nullable(),
  startedAt: z.string(),
});
export type PartialState = z.infer<typeof partialStateSchema>;

/** A model on its way: its files, and beside them what is remembered of it. */
export class PartialFolder {
  readonly path: string;
  #locked = false;

  /** @param path ends with {@link partialEnding} */
  constructor(path: string) {
    this.path = path;
  }

  /** @returns null for a folder that nobody knows anything about */
  async readState(): Promise<PartialState | null> {
    try {
      const text = await readFile(path.join(this.path, stateFile), 'utf8');
      return partialStateSchema.parse(JSON.parse(text));
    } catch {
      return null;
    }
  }

  async writeState(state: PartialState): Promise<void> {
    await mkdir(this.path, { recursive: true });
    const file = path.join(this.path, stateFile);
    await writeFile(`${file}.new`, JSON.stringify(state, null, 1));
    await rename(`${file}.new`, file);
  }

  /**
   * Keeps other processes out until {@link unlock}.
   *
   * @throws FundusLensError `model.busy` when another living process works on it
   */
  async lock(): Promise<void> {
    await mkdir(this.path, { recursive: true });
    const file = path.join(this.path, lockFile);
    for (let isSecondTry = false; ; isSecondTry = true) {
      try {
        const descriptor = openSync(file, 'wx');
        writeSync(descriptor, String(process.pid));
        closeSync(descriptor);
        this.#locked = true;
        return;
      } catch (error) {
        const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
        if (!taken || isSecondTry || this.#isHeld(file)) throw taken ? busy(error) : error;
        rmSync(file, { force: true });
      }
    }
  }

  unlock(): void {
    if (this.#locked) rmSync(path.join(this.path, lockFile), { force: true });
    this.#locked = false;
  }

  /** Whether another process works on it now. */
  get isHeldElsewhere(): boolean {
    return !this.#locked && this.#isHeld(path.join(this.path, lockFile));
  }

  /** Takes away what belongs to the way, not to the model. */
  async clean(): Promise<void> {
    for (const name of [stateFile, `${stateFile}.new`, lockFile]) {
      await rm(path.join(this.path, name), { force: true });
    }
    this.#locked = false;
  }

  #isHeld(file: string): boolean {
    let pid: number;
    try {
      pid = Number(readFileSync(file, 'utf8'));
    } catch {
      return false;
    }
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return pid === process.pid && this.#locked;
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'EPERM';
    }
  }
}

function busy(cause: unknown): FundusLensError {
  return new FundusLensError('model.busy', 'Another window or terminal is fetching this model.', {
    expected: 'one of them at a time',
    found: 'both',
    advice: 'Wait for the other one, or end it.',
    cause,
  });
}
