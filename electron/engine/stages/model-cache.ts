import { statSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { bundledPath } from '../../bundled/bundled-path.ts';
import type { ConceptSet } from '../lens-trace/concept-set.ts';
import type { ProviderChoice } from '../lens-trace/lens-trace.ts';
import type { ControlReading } from '../concepts/control-reading.ts';
import { ControlStore, describeCircumstances } from '../concepts/control-store.ts';
import { readControls, type ControlRequest } from '../concepts/read-controls.ts';
import { resolveWords, type WordSet } from '../concepts/word-set.ts';
import { plainLensOf, type Lens } from '../lens/lens.ts';
import { resolveConcepts, type ResolvedConcept } from '../lens/resolve-concepts.ts';
import { loadModel } from '../model/load-model.ts';
import type { LoadedModel } from '../model/model.ts';
import { measureBatchMemory } from '../prefix-cache/batch-size.ts';
import { prefixBudget, PrefixMemory } from '../prefix-cache/prefix-memory.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import { openLens } from '../fitted-lens/open-lens.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';

/** Readings of controls kept with a warm model; each prompt, concept set and lens has its own. */
const keptControls = 4;

export interface ModelCacheOptions {
  /** What may be remembered of images; left out, what suits the provider. */
  readonly prefixBytes?: number;
  /** Images that go through the model together; left out, what suits the provider. */
  readonly batchSize?: number;
  /** Folder of readings of controls that come with the software; null for none, left out for the bundled one. */
  readonly bundledReadings?: string | null;
}

/** Keeps the last model warm, with what was read for it before; another model takes its place. */
export class ModelCache {
  #key: string | null = null;
  #model: LoadedModel | null = null;
  #prefixes = new PrefixMemory(0);
  #concepts: { readonly key: string; readonly resolved: readonly ResolvedConcept[] } | null = null;

  /** The last fitted one; those of a large model take as much memory as a quarter of its weights. */
  #lens: { readonly key: string; readonly lens: Lens } | null = null;

  #words: { readonly key: string; readonly words: WordSet } | null = null;

  /** By circumstances, the last used last. */
  readonly #controls = new Map<string, ControlStore>();
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

  /**
   * The lens of a request; a fitted one is kept as long as its file does not change.
   *
   * @throws FundusLensError `lens.file-damaged`, `lens.newer-version`, `lens.other-model`
   */
  async openLens(model: LoadedModel, lens: EngineTraceRequest['lens']): Promise<Lens> {
    if (typeof lens === 'string') return plainLensOf[lens];
    const key = `${path.dirname(lens.file)} ${describeFile(lens.file)}`;
    if (this.#lens?.key !== key) {
      this.#lens = null;
      this.#lens = { key, lens: await openLens(lens.file, model) };
    }
    return this.#lens.lens;
  }

  /** The tokens of a concept set in the vocabulary of the warm model. */
  resolve(set: ConceptSet, { checkpoint }: LoadedModel): readonly ResolvedConcept[] {
    const key = JSON.stringify(set);
    if (this.#concepts?.key !== key) {
      const { tokenizer } = checkpoint;
      this.#concepts = { key, resolved: tokenizer.together(() => resolveConcepts(set, tokenizer)) };
    }
    return this.#concepts.resolved;
  }

  /** The whole words of a concept set in the vocabulary of the warm model. */
  resolveWords(set: ConceptSet, { checkpoint }: LoadedModel): WordSet {
    const key = JSON.stringify(set);
    if (this.#words?.key !== key) {
      const { tokenizer } = checkpoint;
      this.#words = { key, words: tokenizer.together(() => resolveWords(set, tokenizer)) };
    }
    return this.#words.words;
  }

  /**
   * What the controls of a prompt come to in the warm model; each is read once for each prompt, lens and concept set, and
   * with a folder once for all.
   *
   * @param cacheFolder null keeps them in memory only
   * @throws whatever {@link readControls} throws
   */
  async readControls(
    model: LoadedModel,
    request: ControlRequest,
    cacheFolder: string | null,
    hooks: TraceHooks,
  ): Promise<ControlReading[]> {
    const circumstances = { model, ...request, prompt: model.checkpoint.renderPrompt(request.prompt, true) };
    const key = `${cacheFolder} ${describeCircumstances(circumstances)}`;
    const { bundledReadings = bundledPath('data', 'control-readings') } = this.#options;
    const store = this.#controls.get(key) ?? new ControlStore(cacheFolder, circumstances, bundledReadings);
    this.#controls.delete(key);
    this.#controls.set(key, store);
    const [oldest] = this.#controls.keys();
    if (this.#controls.size > keptControls && oldest !== undefined) this.#controls.delete(oldest);
    return readControls(model, this.#prefixes, store, request, hooks);
  }

  async close(): Promise<void> {
    const model = this.#model;
    this.#model = null;
    this.#key = null;
    this.#concepts = null;
    this.#words = null;
    this.#lens = null;
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
