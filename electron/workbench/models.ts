import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ConceptSet } from '../common/concept-set.ts';
import type { CheckpointReport, TraceRequest } from '../common/engine-messages.ts';
import { FundusLensError } from '../common/errors.ts';
import type { Gate, LensTrace } from '../common/lens-trace.ts';
import type { Model, ResolvedConceptView } from '../common/study-model.ts';
import { readFidelity, readPrepared } from '../model-store/prepared-folder.ts';
import { contentKey } from '../store/canonical-json.ts';
import type { Library } from '../store/library.ts';
import type { StoredModel } from '../store/models.ts';
import { builtInConceptSets } from './concept-sets.ts';
import type { Desk } from './desk.ts';
import type { WorkbenchFolders } from './folders.ts';
import { folderOf, noteGate, readGate } from './model-state.ts';

/** Token lists of a concept set by model and content; they never change. */
const resolved = new Map<string, ResolvedConceptView[]>();

export function listModels({ session, folders }: Pick<Desk, 'session' | 'folders'>): Model[] {
  return session.library.models.list().map((model) => viewModel(session.library, model, folders));
}

export function viewModel(library: Library, model: StoredModel, folders: WorkbenchFolders): Model {
  const { report, folder, ...kept } = model;
  const prepared = folder === null ? null : readPrepared(folder);
  return {
    ...kept,
    folder,
    available: folder !== null && existsSync(path.join(folder, 'config.json')),
    builtIn: folder === folders.demoModel,
    managed: folder !== null && path.dirname(folder) === folders.models,
    weightFormat: prepared?.format ?? storedFormat(report),
    prepared,
    fidelity: folder === null || prepared === null ? null : readFidelity(folder),
    estimates: [...(report?.estimates ?? [])],
    diskBytes: report?.diskBytes ?? null,
    memoryBytes: report?.memoryBytes ?? null,
    gate: readGate(library, model.sha256),
    tracedImageCount: library.search.count({ filter: { traced: { is: true, modelId: model.id } } }),
  };
}

/** Most of the weights' elements are of this dtype. */
function storedFormat(report: CheckpointReport | null): string | null {
  const [most] = Object.entries(report?.parametersByDtype ?? {}).sort(([, a], [, b]) => b - a);
  return most?.[0].toLowerCase() ?? null;
}

interface KnownModel {
  /** Name for people; that of the folder when left out. */
  readonly name?: string;
  /** When the folder was inspected a moment ago. */
  readonly report?: CheckpointReport;
}

/**
 * Reads a checkpoint folder and remembers it; the same weights in another folder are the same model, and other weights
 * in the same folder are another one.
 */
export async function addModel(
  desk: Pick<Desk, 'session' | 'engines' | 'events' | 'folders'>,
  folder: string,
  known: KnownModel = {},
): Promise<Model> {
  const absolute = path.resolve(folder);
  const report = known.report ?? (await desk.engines.inspect(absolute));
  const { library } = desk.session;
  const model = library.models.put({ ...report, id: known.name ?? report.id }, absolute);
  for (const former of library.models.list()) {
    if (former.folder === absolute && former.id !== model.id) library.models.forgetFolder(former.id);
  }
  desk.events.publish({ type: 'models' });
  return viewModel(library, model, desk.folders);
}

/** Registers the checkpoint that comes with the software, unless it is known as it is or its weights are missing. */
export async function addDemoModel(desk: Desk): Promise<void> {
  const { demoModel } = desk.folders;
  const names = await readdir(demoModel).catch(() => []);
  const weights = names.filter((name) => name.endsWith('.safetensors'));
  if (weights.length === 0) return;
  const known = desk.session.library.models.list().find(({ folder }) => folder === demoModel);
  if (known !== undefined) {
    // An update of the software may bring other weights under the same names.
    const changes = await Promise.all(weights.map((name) => stat(path.join(demoModel, name))));
    if (changes.every(({ mtimeMs }) => mtimeMs < Date.parse(known.addedAt))) return;
  }
  await addModel(desk, demoModel);
}

/**
 * Takes a model away: one of our own folder with its files, any other from the list only. Traces stay.
 *
 * @param isConfirmed a person knows that it is in use, and wants its jobs and tasks cancelled
 * @throws FundusLensError `model.in-use` without confirmation, and when the system does not let go of its files
 */
export async function removeModel(desk: Desk, modelId: number, isConfirmed: boolean): Promise<number> {
  const { session, engines, runner, manager, folders } = desk;
  const { library } = session;
  const model = library.models.get(modelId);
  const { folder } = model;
  if (folder === folders.demoModel) {
    throw new FundusLensError('input.invalid', 'The model that comes with the software cannot be removed.', {
      found: model.name,
    });
  }
  const { running, waiting } = library.jobs.idsOfModel(model.sha256);
  const tasks = manager.tasks.list().filter((task) => task.modelId === modelId && task.state === 'running');
  const isBusy = folder !== null && engines.isBusy(folder);
  if (!isConfirmed && (running.length > 0 || waiting.length > 0 || tasks.length > 0 || isBusy)) {
    throw new FundusLensError('model.in-use', `${model.name} is in use.`, {
      expected: 'a confirmation that its jobs are to be cancelled',
      found: [
        `${running.length} jobs running`,
        `${waiting.length} waiting`,
        `${tasks.length} preparations or verifications`,
      ].join(', '),
      advice: 'Wait until they are done, or confirm that they are to be cancelled.',
    });
  }
  for (const { id } of tasks) await manager.tasks.cancel(id);
  const jobs = [...running, ...waiting];
  library.jobs.cancel(jobs);
  runner.abort(jobs);
  for (const id of jobs) runner.publish(id);
  if (folder !== null) {
    await engines.close(folder);
    if (manager.store.owns(folder)) await manager.store.remove(folder);
  }
  library.models.forgetFolder(modelId);
  desk.events.publish({ type: 'models' });
  return 1;
}

export async function checkGate(desk: Desk, modelId: number): Promise<Gate> {
  const trace = await readWithoutImage(desk, modelId, builtInConceptSets[0]!);
  desk.events.publish({ type: 'models' });
  return trace.gate;
}

/** The tokens with which answers that name a concept can begin in this model's vocabulary. */
export async function resolveConcepts(
  desk: Desk,
  modelId: number,
  set: ConceptSet,
): Promise<ResolvedConceptView[]> {
  const key = contentKey([desk.session.library.models.get(modelId).sha256, set]);
  const known = resolved.get(key);
  if (known !== undefined) return known;
  const trace = await readWithoutImage(desk, modelId, set);
  const concepts = trace.concepts.map(({ id, label, role, tokens }) => ({
    id,
    label,
    role,
    tokens: [...tokens],
  }));
  if (resolved.size > 50) resolved.clear();
  resolved.set(key, concepts);
  return concepts;
}

/** The cheapest trace there is: one short prompt, one position, one token. */
async function readWithoutImage(desk: Desk, modelId: number, conceptSet: ConceptSet): Promise<LensTrace> {
  const { library } = desk.session;
  const model = library.models.get(modelId);
  const request: TraceRequest = {
    modelDir: folderOf(model),
    imagePath: null,
    prompt: '?',
    lens: 'logit',
    positions: 'last',
    topK: 1,
    conceptSet,
    provider: desk.settings.get().provider,
    generate: 0,
    traceGenerated: false,
    controls: null,
    dumpPath: null,
  };
  const trace = await desk.engines.trace(modelId, request);
  if (!desk.session.isReadOnly) noteGate(library, trace);
  return trace;
}
