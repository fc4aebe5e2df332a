import { realpath } from 'node:fs/promises';
import type { ProviderChoice } from '../common/lens-trace.ts';
import { loadModel } from './load-model.ts';
import type { LoadedModel } from './model.ts';
import type { TraceHooks } from './trace-hooks.ts';

/** Keeps the last model warm; another model takes its place. */
export class ModelCache {
  #key: string | null = null;
  #model: LoadedModel | null = null;

  /** @throws whatever {@link loadModel} throws */
  async open(folder: string, provider: ProviderChoice, hooks: TraceHooks): Promise<LoadedModel> {
    const key = `${provider}:${await realpath(folder).catch(() => folder)}`;
    if (this.#model !== null && this.#key === key) return this.#model;
    await this.close();
    this.#model = await loadModel(folder, provider, hooks);
    this.#key = key;
    return this.#model;
  }

  async close(): Promise<void> {
    const model = this.#model;
    this.#model = null;
    this.#key = null;
    await model?.release();
  }
}
