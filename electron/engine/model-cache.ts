import { statSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { ConceptSet } from '../common/concept-set.ts';
import type { ProviderChoice } from '../common/lens-trace.ts';
import { resolveConcepts, type ResolvedConcept } from './lens/resolve-concepts.ts';
import { loadModel } from './load-model.ts';
import type { LoadedModel } from './model.ts';
import type { TraceHooks } from './trace-hooks.ts';

/** Keeps the last model warm, and the last concept set resolved for it; another model takes its place. */
export class ModelCache {
  #key: string | null = null;
  #model: LoadedModel | null = null;
  #concepts: { readonly key: string; readonly resolved: readonly ResolvedConcept[] } | null = null;

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
    return this.#model;
  }

  /** The tokens of a concept set in the vocabulary of the warm model. */
  resolve(set: ConceptSet, { checkpoint }: LoadedModel): readonly ResolvedConcept[] {
    const key = JSON.stringify(set);
    if (this.#concepts?.key !== key)
      this.#concepts = { key, resolved: resolveConcepts(set, checkpoint.tokenizer) };
    return this.#concepts.resolved;
  }

  async close(): Promise<void> {
    const model = this.#model;
    this.#model = null;
    this.#key = null;
    this.#concepts = null;
    await model?.release();
  }
}

/** Real path of the folder, and size and time of change of every file in it. */
async function describeFolder(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => []);
  const files = names.sort().map((name) => {
    const stat = statSync(path.join(folder, name), { throwIfNoEntry: false });
    return `${name} ${stat?.size} ${stat?.mtimeMs}`;
  });
  return [await realpath(folder).catch(() => folder), ...files].join('\n');
}
