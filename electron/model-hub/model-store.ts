import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { CheckpointReport } from '../contract/models/checkpoint-report.ts';
import { FundusLensError } from '../contract/errors.ts';
import { modelOriginSchema } from '../contract/models/models.ts';
import type { ModelOrigin } from '../contract/models/models.ts';
import { checkpointReportSchema } from '../contract/models/models.ts';
import { PartialFolder, partialEnding } from './partial-folder.ts';

/** Ending of a folder that is being removed; the next start finishes what an interruption left. */
const removingEnding = '.removing';
/** Ending of a folder that holds headers for a moment. */
const offerEnding = '.offer';
const day = 86_400_000;
const manifestFile = 'installed.json';

const manifestSchema = z.object({
  schema: z.literal('fundus-lens.installed/1'),
  name: z.string(),
  origin: modelOriginSchema,
  /** What the whole folder was found to be when it became a model. */
  report: checkpointReportSchema,
  installedAt: z.string(),
});

export type InstalledManifest = Omit<z.infer<typeof manifestSchema>, 'report'> & {
  readonly report: CheckpointReport;
};

export interface InstalledModel extends InstalledManifest {
  readonly folder: string;
}

/**
 * The folder of models that the software keeps itself. A model is a folder with a manifest; it gets its name in one step
 * when every hash in it was right, and loses it in one step when it is removed, so that no interruption leaves half a
 * model that looks like one.
 */
export class ModelStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = path.resolve(folder);
  }

  /** By folder name; what has no manifest is not listed. */
  async list(): Promise<InstalledModel[]> {
    const models = await Promise.all((await this.#names()).map((name) => this.#read(name)));
    return models.filter((model) => model !== null);
  }

  /** Models on their way, interrupted or not. */
  async partials(): Promise<PartialFolder[]> {
    const names = await readdir(this.folder).catch(() => []);
    return names
      .filter((name) => name.endsWith(partialEnding))
      .sort()
      .map((name) => new PartialFolder(path.join(this.folder, name)));
  }

  /** Where a model of that name will lie; equal names are equal models. */
  pathOf(name: string): string {
    return path.join(this.folder, toFolderName(name));
  }

  partialOf(name: string): PartialFolder {
    return new PartialFolder(`${this.pathOf(name)}${partialEnding}`);
  }

  /** Whether a folder is one of ours, and not one that a person only showed us. */
  owns(folder: string): boolean {
    return path.dirname(path.resolve(folder)) === this.folder;
  }

  async find(folder: string): Promise<InstalledModel | null> {
    return this.owns(folder) ? this.#read(path.basename(folder)) : null;
  }

  /**
   * Makes a complete folder a model, in one step.
   *
   * @param folder partial folder, or a prepared one, in the store
   */
  async activate(
    folder: string,
    name: string,
    manifest: Omit<InstalledManifest, 'schema' | 'installedAt'>,
  ): Promise<InstalledModel> {
    const target = this.pathOf(name);
    const complete: InstalledManifest = {
      schema: 'fundus-lens.installed/1',
      ...manifest,
      report: { ...manifest.report, id: path.basename(target) },
      installedAt: new Date().toISOString(),
    };
    const file = path.join(folder, manifestFile);
    await writeFile(`${file}.new`, JSON.stringify(complete, null, 1));
    await rename(`${file}.new`, file);
    await flushFolder(folder);
    if (path.resolve(folder) !== target) {
      // What lies there has no manifest, or it would have been listed and nothing fetched.
      if (existsSync(target)) await this.remove(target);
      await rename(folder, target);
    }
    await flushFolder(this.folder);
    return { ...complete, folder: target };
  }

  /**
   * Takes a model out of the list in one step, then deletes its files.
   *
   * @throws FundusLensError `model.in-use` when the system does not let go of it, and nothing has changed
   */
  async remove(folder: string): Promise<void> {
    if (!this.owns(folder)) throw new RangeError(`${folder} is not in ${this.folder}`);
    const leaving = `${path.resolve(folder)}.${randomUUID().slice(0, 8)}${removingEnding}`;
    try {
      await rename(folder, leaving);
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return;
      throw new FundusLensError('model.in-use', 'The files of this model are in use by another program.', {
        expected: 'a folder that can be moved',
        found: cause instanceof Error ? cause.message : String(cause),
        advice: 'Close the other program, then remove the model again.',
        cause,
      });
    }
    await rm(leaving, { recursive: true, force: true });
  }

  /** Finishes removals that were interrupted, and takes away what offers left that a crash ended. @returns how many */
  async finishRemovals(): Promise<number> {
    const names = await readdir(this.folder).catch(() => []);
    const leaving: string[] = [];
    for (const name of names) {
      const place = path.join(this.folder, name);
      const isOldOffer = name.endsWith(offerEnding) && (await ageOf(place)) > day;
      if (name.endsWith(removingEnding) || isOldOffer) leaving.push(place);
    }
    for (const place of leaving) await rm(place, { recursive: true, force: true });
    return leaving.length;
  }

  /** A folder for a moment, to look at a model before it is added; whoever takes it removes it. */
  offerFolder(): string {
    return path.join(this.folder, `${randomUUID()}${offerEnding}`);
  }

  async create(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
  }

  async #names(): Promise<string[]> {
    const names = await readdir(this.folder).catch(() => []);
    const endings = [partialEnding, removingEnding, offerEnding];
    return names.filter((name) => !endings.some((ending) => name.endsWith(ending))).sort();
  }

  async #read(name: string): Promise<InstalledModel | null> {
    const folder = path.join(this.folder, name);
    try {
      const text = await readFile(path.join(folder, manifestFile), 'utf8');
      return { ...manifestSchema.parse(JSON.parse(text)), folder };
    } catch {
      return null;
    }
  }
}

/** The folder name that an origin gets; another commit is another model. */
export function nameOfOrigin(origin: ModelOrigin): string {
  switch (origin.kind) {
    case 'hub':
    case 'cache':
      return `${origin.repository}@${origin.commit.slice(0, 12)}`;
    default:
      return path.basename(origin.folder);
  }
}

function toFolderName(name: string): string {
  const safe = name.replaceAll('/', '--').replace(/[\p{Cc}<>:"\\|?*]/gu, '_');
  return safe.replace(/^\.+|[. ]+$/g, '_') || '_';
}

/** After a power cut, either the old name is there or the new one. Not every system can do this for folders. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** Milliseconds since the last change; 0 for what is gone already. */
async function ageOf(place: string): Promise<number> {
  const known = await stat(place).catch(() => null);
  return known === null ? 0 : Date.now() - known.mtimeMs;
}
