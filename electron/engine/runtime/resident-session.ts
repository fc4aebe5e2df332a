import { Session, type SessionSource, type Tensor, type Tensors } from './session.ts';

/** What the engine runs its graphs through. */
export interface GraphRunner {
  run(feeds: Tensors, fetches: readonly string[] | Readonly<Record<string, Tensor | null>>): Promise<Tensors>;
  /** Lets the graph's memory go until the next run, which loads it again. */
  rest(): Promise<void>;
  release(): Promise<void>;
}

/**
 * A graph that is in memory while it is needed.
 *
 * Weights that are mapped in place cost almost nothing to map again, so such a graph gives its memory back
 * whenever it rests; the peak is then that of the largest graph and not of all three together. A graph whose
 * weights were converted or sent to a device stays until it is released.
 */
export class ResidentSession implements GraphRunner {
  #source: SessionSource;
  readonly #staysLoaded: boolean;
  #session: Session | null = null;

  constructor(source: SessionSource, { staysLoaded }: { readonly staysLoaded: boolean }) {
    this.#source = source;
    this.#staysLoaded = staysLoaded;
  }

  /** Loads the graph without running it, so that what is wrong with it is found early. */
  async load(): Promise<void> {
    this.#session ??= await Session.create(this.#source);
  }

  async run(
    feeds: Tensors,
    fetches: readonly string[] | Readonly<Record<string, Tensor | null>>,
  ): Promise<Tensors> {
    await this.load();
    return this.#session!.run(feeds, fetches);
  }

  /** Takes another graph over the same weights, loaded when the one before was. */
  async replace(graph: Uint8Array): Promise<void> {
    const wasLoaded = this.#session !== null;
    await this.release();
    this.#source = { ...this.#source, graph };
    if (wasLoaded) await this.load();
  }

  async rest(): Promise<void> {
    if (!this.#staysLoaded) await this.release();
  }

  async release(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await session?.release();
  }
}
