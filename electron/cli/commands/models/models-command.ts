import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Model, ModelOffer } from '../../../contract/models/models.ts';
import { bundledPath } from '../../../bundled/bundled-path.ts';
import { FundusLensError } from '../../../contract/errors.ts';
import { exitCodes } from '../../exit-codes.ts';
import { followTask, reportEnd } from '../tasks/follow-tasks.ts';
import { withLibrary } from '../library-context.ts';
import type { LibraryOptions, LibraryTools } from '../library-context.ts';
import { drawFidelity, drawModels, drawOffer } from '../pictures/models-picture.ts';
import { print } from '../../terminal/standard-output.ts';

export interface AddModelOptions extends LibraryOptions {
  readonly revision: string;
  /** Whether a name means a model in the cache of huggingface_hub. */
  readonly cache?: boolean | undefined;
  readonly copy?: boolean | undefined;
  /** Say what it needs, and stop. */
  readonly dryRun?: boolean | undefined;
}

export interface PrepareModelOptions extends LibraryOptions {
  readonly format: 'float16' | 'int8' | 'int4';
  readonly blockSize: 16 | 32 | 64 | 128;
  readonly symmetric?: boolean | undefined;
  readonly calibration: boolean;
  readonly unembedding?: 'float16' | 'int8' | 'int4' | undefined;
  readonly vision?: 'float16' | 'int8' | 'int4' | undefined;
}

export interface VerifyModelOptions extends LibraryOptions {
  /** The checkpoint that it was prepared from; found by its hash when left out. */
  readonly against?: string | undefined;
  readonly prompt?: string[] | undefined;
  readonly json?: boolean | undefined;
}

export interface HubOptions extends LibraryOptions {
  readonly endpoint?: string | undefined;
  readonly offline?: boolean | undefined;
  readonly online?: boolean | undefined;
  /** Read a token from stdin, so that it is in no history of commands. */
  readonly token?: boolean | undefined;
  readonly forgetToken?: boolean | undefined;
}

/** Adds a folder, a revision of the cache, or a model of the hub. @returns the exit code */
export function runAddModel(source: string, options: AddModelOptions): Promise<number> {
  return withLibrary(options, { create: true }, async (tools) => {
    const { client, signal } = tools;
    const { cache = false, copy = false, dryRun = false, revision } = options;
    const isFolder = !cache && existsSync(source);
    const chosen = isFolder
      ? ({ from: 'folder', folder: path.resolve(source) } as const)
      : cache
        ? ({ from: 'cache', folder: await findCached(tools, source, revision) } as const)
        : ({ from: 'hub', repository: source, revision } as const);
    const offer = await client.models.offer(chosen, { signal });
    await print(drawOffer(offer, chosen.from !== 'hub' && !copy));
    if (dryRun) return exitCodes.done;
    warnOfMemory(offer);
    if (chosen.from !== 'hub' && !copy) {
      const { folder } = chosen;
      const model =
        chosen.from === 'cache'
          ? await client.models.addCached({ folder }, { signal })
          : await client.models.addFolder({ folder }, { signal });
      return printAdded(model);
    }
    const { taskId } = await client.models.fetch(chosen, { signal });
    return followToEnd(tools, taskId, async (modelId) => printAdded(await findModel(tools, String(modelId))));
  });
}

/** Lists what is here, on its way, and in the cache of the hub. @returns the exit code */
export function runListModels(
  options: LibraryOptions & { readonly cache?: boolean | undefined; readonly json?: boolean | undefined },
): Promise<number> {
  return withLibrary(options, { create: true }, async ({ client }) => {
    const [models, tasks, room] = [
      await client.models.list(),
      await client.tasks.list({ kinds: ['model-download', 'model-copy', 'model-prepare', 'model-verify'] }),
      await client.models.room(),
    ];
    const cached = options.cache === true ? (await client.models.cache()).models : [];
    const demo = bundledPath('models', 'demo');
    const isListed = models.some(({ folder }) => folder === demo);
    const bundled = !isListed && existsSync(path.join(demo, 'model.safetensors')) ? demo : null;
    if (options.json === true) {
      await print(`${JSON.stringify({ models, tasks, room, cached, bundled }, null, 2)}\n`);
    } else {
      await print(drawModels(models, tasks, cached, room, bundled));
    }
    return exitCodes.done;
  });
}

/** Writes a model's weights in another format. @returns the exit code */
export function runPrepareModel(name: string, options: PrepareModelOptions): Promise<number> {
  return withLibrary(options, { create: true }, async (tools) => {
    const model = await findOrAdd(tools, name);
    const { format, blockSize, symmetric = false, calibration, unembedding, vision } = options;
    const keep = {
      ...(unembedding === undefined ? {} : { unembedding }),
      ...(vision === undefined ? {} : { vision }),
    };
    const { taskId } = await tools.client.models.prepare({
      ...{ id: model.id, format, blockSize, symmetric, keep },
      calibrated: calibration,
    });
    return followToEnd(tools, taskId, async (modelId) => printAdded(await findModel(tools, String(modelId))));
  });
}

/** Measures how true prepared weights are. @returns the exit code */
export function runVerifyModel(name: string, options: VerifyModelOptions): Promise<number> {
  return withLibrary(options, {}, async (tools) => {
    const model = await findOrAdd(tools, name);
    const reference = options.against === undefined ? null : await findOrAdd(tools, options.against);
    const { taskId } = await tools.client.models.verify({
      id: model.id,
      ...(reference === null ? {} : { referenceId: reference.id }),
      ...(options.prompt === undefined ? {} : { prompts: options.prompt }),
    });
    return followToEnd(tools, taskId, async () => {
      const { fidelity } = await findModel(tools, String(model.id));
      await print(options.json === true ? `${JSON.stringify(fidelity, null, 2)}\n` : drawFidelity(fidelity!));
    });
  });
}

/** Takes a model away. @returns the exit code */
export function runRemoveModel(
  name: string,
  options: LibraryOptions & { readonly yes?: boolean | undefined },
): Promise<number> {
  return withLibrary(options, {}, async (tools) => {
    const model = await findModel(tools, name);
    await tools.client.models.remove({ id: model.id, confirmed: options.yes === true });
    await print(
      model.managed
        ? `${model.name} was deleted; its traces stay.\n`
        : `${model.name} was taken off the list; its files and traces stay.\n`,
    );
    return exitCodes.done;
  });
}

/** Shows or changes which hub is asked, and whether one may be asked at all. @returns the exit code */
export function runHub(options: HubOptions): Promise<number> {
  return withLibrary(options, { create: true }, async ({ client }) => {
    const { endpoint, offline, online, token, forgetToken } = options;
    await client.settings.patch({
      ...(offline === true ? { offline: true } : online === true ? { offline: false } : {}),
      ...(endpoint === undefined ? {} : { models: { endpoint: endpoint === 'default' ? null : endpoint } }),
    });
    if (forgetToken === true) await client.models.hub.setToken({ token: null });
    if (token === true) await client.models.hub.setToken({ token: await readStdin() });
    const account = await client.models.hub.get();
    const tokens = { none: 'none', kept: 'kept for this address', environment: 'HF_TOKEN' };
    await print(
      `Hub      ${account.endpoint}\nToken    ${tokens[account.token]}\nNetwork  ${account.offline ? 'not allowed (offline mode)' : 'allowed'}\n`,
    );
    return exitCodes.done;
  });
}

async function followToEnd(
  tools: LibraryTools,
  id: string,
  then: (modelId: number | null) => Promise<unknown>,
): Promise<number> {
  const task = await followTask(tools, id);
  if (task.state === 'done') await then(task.modelId);
  return reportEnd(task);
}

/** By number, name, beginning of the hash, or folder. */
async function findModel({ client }: LibraryTools, name: string): Promise<Model> {
  const models = await client.models.list();
  const folder = path.resolve(name);
  const found =
    models.find((model) => String(model.id) === name) ??
    models.find((model) => model.folder === folder) ??
    models.find((model) => model.name === name && model.available) ??
    models.find((model) => name.length >= 8 && model.sha256.startsWith(name));
  if (found !== undefined) return found;
  throw new FundusLensError('model.not-found', `There is no model ${name}.`, {
    expected: models.map((model) => `${model.id} ${model.name}`).join(', ') || 'a model that was added',
    found: name,
    advice: 'Name one of these by number, name or hash, or add it with `models add`.',
  });
}

async function findOrAdd(tools: LibraryTools, name: string): Promise<Model> {
  try {
    return await findModel(tools, name);
  } catch (error) {
    if (!existsSync(name)) throw error;
    return tools.client.models.addFolder({ folder: path.resolve(name) }, { signal: tools.signal });
  }
}

async function findCached({ client }: LibraryTools, repository: string, revision: string): Promise<string> {
  const { folder, models } = await client.models.cache();
  const found = models.find(
    (model) =>
      model.repository === repository && (model.refs.includes(revision) || model.commit.startsWith(revision)),
  );
  if (found?.complete === true) return found.folder;
  throw new FundusLensError('model.not-found', `${repository} is not complete in the cache.`, {
    expected: `${repository} (${revision}) in ${folder}`,
    found: found === undefined ? 'no such revision' : `it lacks ${found.missing ?? 'files'}`,
    advice: 'Download it without --cache, or name another with `models list --cache`.',
  });
}

function warnOfMemory({ estimates, room }: ModelOffer): void {
  const asStored = estimates.find(({ format }) => format === 'as-stored');
  if (asStored === undefined || asStored.memoryBytes <= room.memoryTotalBytes) return;
  process.stderr.write(
    'fundus-lens: this computer has too little memory for the model as it is; prepare it in a smaller format.\n',
  );
}

async function printAdded({ id, name, folder, sha256 }: Model): Promise<number> {
  await print(`Model ${id}: ${name}\n  folder   ${folder ?? ''}\n  SHA-256  ${sha256}\n`);
  return exitCodes.done;
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Token: ');
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk as string;
    if (text.includes('\n')) break;
  }
  return text.trim();
}
