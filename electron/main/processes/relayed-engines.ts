import { fileURLToPath } from 'node:url';
import { deserializeError } from '../../contract/problem.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { EngineProcessListener, ForkEngine } from '../../engine/process/engine-process.ts';
import type { EngineNews, EngineOrder } from './workbench-messages.ts';

interface RelayedEngine {
  readonly listener: EngineProcessListener;
  pid: number | null;
  readonly ended: PromiseWithResolvers<null>;
}

/** Engines of a process that may start none itself: the window's process does, and passes on what both sides say. */
export class RelayedEngines {
  readonly #post: (order: EngineOrder) => void;
  readonly #engines = new Map<number, RelayedEngine>();
  #next = 1;

  constructor(post: (order: EngineOrder) => void) {
    this.#post = post;
  }

  readonly fork: ForkEngine = (script, listener, environment) => {
    const engine = this.#next++;
    const relayed: RelayedEngine = { listener, pid: null, ended: Promise.withResolvers<null>() };
    this.#engines.set(engine, relayed);
    const path = script instanceof URL ? fileURLToPath(script) : script;
    this.#post({ type: 'engine-start', engine, script: path, environment });
    return {
      get pid() {
        return relayed.pid;
      },
      post: (command) => this.#post({ type: 'engine-post', engine, command }),
      kill: () => this.#post({ type: 'engine-kill', engine }),
      end: async () => {
        if (!this.#engines.has(engine)) return;
        this.#post({ type: 'engine-close', engine });
        await relayed.ended.promise;
      },
    };
  };

  receive(news: EngineNews): void {
    const engine = this.#engines.get(news.engine);
    if (engine === undefined) return;
    if (news.type === 'engine-event') {
      engine.pid = news.pid;
      engine.listener.onEvent(news.event);
      return;
    }
    this.#engines.delete(news.engine);
    const error = deserializeError(news.error);
    engine.listener.onEnd(
      error instanceof FundusLensError
        ? error
        : new FundusLensError('engine.killed', 'The engine process ended before its work was done.', {
            found: error.message,
            cause: error,
          }),
    );
    engine.ended.resolve(null);
  }
}
