import { statSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { ConceptSet } from '../lens-trace/concept-set.ts';
import type { ProviderChoice } from '../lens-trace/lens-trace.ts';
import { readControls, type ControlReadings, type ControlRequest } from './control-readings.ts';
import { resolveConcepts, type ResolvedConcept } from '../lens/resolve-concepts.ts';
import { loadModel } from '../model/load-model.ts';
import type { LoadedModel } from '../model/model.ts';
import { measureBatchMemory } from '../prefix-cache/batch-size.ts';
import { prefixBudget, PrefixMemory } from '../prefix-cache/prefix-memory.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';

/** Readings of controls kept with a warm model; each prompt, concept set and lens has its own. */
const keptControls = 16;

export interface ModelCacheOptions {
  /** What may be remembered of images; left out, what suits the provider. */
  readonly prefixBytes?: number;
  /** Images that go through the model together; left out, what suits the provider. */
  readonly batchSize?: number;
}

/** Keeps the last model warm, with what was read for it before; another model takes its place. */
export class ModelCache {
  #key: string | null = null;
  #model: LoadedModel | null = null;
  #prefixes = new PrefixMemory(0);
  #concepts: { readonly key: string; readonly resolved: readonly ResolvedConcept[] } | null = null;

  readonly #controls = new Map<string, ControlReadings>();
  readonly #options: ModelCacheOptions;

  constructor(options: ModelCacheOptions = {}) {
    this.#options = options;
  }

  /** What the warm model remembers of images. */
  get prefixes(): PrefixMemory {
    return this.#prefixes;
  }

  /**
   * Opens a model; the warm one when neither the folder, nor any file in it, nor the provider has changed.
   *
   * @throws whatever {@link loadModel} throws
   */
  async open(folder: string, provider: ProviderChoice, hooks: TraceHooks): Promise<LoadedModel> {
    const key = `${provider}:${await describeFolder(folder)}`;
    if (this.#model !== null && this.#key === key) return this.#model;
    await this.close();
    this.#model = await loadModel(folder, provider, hooks);
    this.#key = key;
    const { batchSize = null } = this.#options;
    const prefixBytes = this.#options.prefixBytes ?? (await prefixBudget(this.#model.provider.provider));
    const batchBytes = await measureBatchMemory(this.#model);
    this.#prefixes = new PrefixMemory(prefixBytes, { batchSize, batchBytes });
    return this.#model;
  }

  /** The tokens of a concept set in the vocabulary of the warm model. */
  resolve(set: ConceptSet, { checkpoint }: LoadedModel): readonly ResolvedConcept[] {
    const key = JSON.stringify(set);
    if (this.#concepts?.key !== key)
      this.#concepts = { key, resolved: resolveConcepts(set, checkpoint.tokenizer) };
    return this.#concepts.resolved;
  }

  /**
   * What the controls of a prompt come to in the warm model; read once for each prompt, lens and concept set.
   *
   * @throws whatever {@link readControls} throws
   */
  async readControls(
    model: LoadedModel,
    request: Omit<ControlRequest, 'imagePaths'> & { readonly controls: readonly string[] | null },
    hooks: TraceHooks,
  ): Promise<ControlReadings> {
    const { prompt, maxPixels, lens, concepts, imagePositions } = request;
    const imagePaths = request.controls ?? [];
    const tokens = concepts.map((concept) => [concept.id, concept.tokens.map(({ id }) => id)]);
    const files = imagePaths.map(describeFile);
    const key = JSON.stringify([prompt, maxPixels, lens, tokens, files, imagePositions]);
    const known = this.#controls.get(key);
    if (known !== undefined) return known;
    const readings = await readControls(
      model,
      this.#prefixes,
      { prompt, maxPixels, lens, concepts, imagePositions, imagePaths },
      hooks,
    );
    const [oldest] = this.#controls.keys();
    if (this.#controls.size >= keptControls && oldest !== undefined) this.#controls.delete(oldest);
    this.#controls.set(key, readings);
    return readings;
  }

  async close(): Promise<void> {
    const model = this.#model;
    this.#model = null;
    this.#key = null;
    this.#concepts = null;
    this.#controls.clear();
    this.#prefixes = new PrefixMemory(0);
    await model?.release();
  }
}

/** Real path of the folder, and size and time of change of every file in it. */
async function describeFolder(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => []);
  const files = names.sort().map((name) => describeFile(path.join(folder, name)));
  return [await realpath(folder).catch(() => folder), ...files].join('\n');
}

function describeFile(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return `${path.basename(file)} ${stat?.size} ${stat?.mtimeMs}`;
}
