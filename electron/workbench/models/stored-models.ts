import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ConceptSet } from '../../engine/lens-trace/concept-set.ts';
import type { CheckpointReport } from '../../contract/models/checkpoint-report.ts';
import type { Gate, LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { Model } from '../../contract/models/models.ts';
import type { ResolvedConceptView } from '../../contract/traces/concepts.ts';
import { readFidelity, readPrepared } from '../../model-hub/prepared-folder.ts';
import { toEngineRequest } from './engine-request.ts';
import { contentKey } from '../../store/database/canonical-json.ts';
import type { Library } from '../../store/library/library.ts';
import type { StoredModel } from '../../store/models.ts';
import { builtInConceptSets } from '../../bundled/concept-sets.ts';
import type { WorkbenchFolders } from '../folders.ts';
import type { ModelTools } from './model-tools.ts';
import { folderOf, noteGate, readGate } from './model-state.ts';

/** Token lists of a concept set by model and content; they never change. */
const resolved = new Map<string, ResolvedConceptView[]>();

export function listModels({ session, folders }: Pick<ModelTools, 'session' | 'folders'>): Model[] {
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
    deviceBytes: report?.estimates[0]?.deviceBytes ?? null,
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
  tools: Pick<ModelTools, 'session' | 'engines' | 'events' | 'folders'>,
  folder: string,
  known: KnownModel = {},
): Promise<Model> {
  const absolute = path.resolve(folder);
  const report = known.report ?? (await tools.engines.inspect(absolute));
  const { library } = tools.session;
  const model = library.models.put({ ...report, id: known.name ?? report.id }, absolute);
  for (const former of library.models.list()) {
    if (former.folder === absolute && former.id !== model.id) library.models.forgetFolder(former.id);
  }
  tools.events.publish({ type: 'models' });
  return viewModel(library, model, tools.folders);
}

/** Registers the checkpoint that comes with the software, unless it is known as it is or its weights are missing. */
export async function addDemoModel(tools: ModelTools): Promise<void> {
  const { demoModel } = tools.folders;
  const names = await readdir(demoModel).catch(() => []);
  const weights = names.filter((name) => name.endsWith('.safetensors'));
  if (weights.length === 0) return;
  const known = tools.session.library.models.list().find(({ folder }) => folder === demoModel);
  if (known !== undefined) {
    // An update of the software may bring other weights under the same names.
    const changes = await Promise.all(weights.map((name) => stat(path.join(demoModel, name))));
    if (changes.every(({ mtimeMs }) => mtimeMs < Date.parse(known.addedAt))) return;
  }
  await addModel(tools, demoModel);
}

export async function checkGate(tools: ModelTools, modelId: number): Promise<Gate> {
  const trace = await readWithoutImage(tools, modelId, builtInConceptSets[0]!);
  tools.events.publish({ type: 'models' });
  return trace.gate;
}

/** The tokens with which answers that name a concept can begin in this model's vocabulary. */
export async function resolveConcepts(
  tools: ModelTools,
  modelId: number,
  set: ConceptSet,
): Promise<ResolvedConceptView[]> {
  const key = contentKey([tools.session.library.models.get(modelId).sha256, set]);
  const known = resolved.get(key);
  if (known !== undefined) return known;
  const trace = await readWithoutImage(tools, modelId, set);
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
async function readWithoutImage(tools: ModelTools, modelId: number, conceptSet: ConceptSet): Promise<LensTrace> {
  const { library } = tools.session;
  const model = library.models.get(modelId);
  const request = toEngineRequest(
    { modelDir: folderOf(model), imagePath: null, conceptSet, lens: 'logit' },
    { prompt: '?', topK: 1, generate: 0, controls: false, provider: tools.settings.get().provider },
  );
  const trace = await tools.engines.trace(modelId, request);
  if (!tools.session.isReadOnly) noteGate(library, trace);
  return trace;
}
