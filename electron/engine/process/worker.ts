/** Entry of the engine's own process: it owns the model, the device and their memory, and ends with its parent. */

import type { ProbeEnd } from '../../contract/models/probe-order.ts';
import type { EngineCommand } from './messages.ts';
import { checkCause } from '../causal/check-cause.ts';
import { verifyModel } from '../fidelity/verify-model.ts';
import { describeLens } from '../fitted-lens/describe-lens.ts';
import { inspectCheckpoint, outlineCheckpoint } from '../inspect/inspect-checkpoint.ts';
import { ModelCache } from '../stages/model-cache.ts';
import { prepareModel } from '../quantize/prepare-model.ts';
import { listProviders } from '../runtime/providers.ts';
import { fitLens } from '../shortcut/fit-lens.ts';
import { serveRequests } from './serve-requests.ts';
import type { EngineChannel } from './serve-requests.ts';
import { tap } from '../tap.ts';
import { trace } from '../trace.ts';
import { watchParent } from './watch-parent.ts';

/** What Electron's utilityProcess gives instead of Node's message channel. */
interface ParentPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: { data: EngineCommand | ProbeEnd }) => void): void;
  on(event: 'close', listener: () => void): void;
}

/** The line to the parent: Electron's port in a utility process, Node's channel in a forked one. */
function openChannel(): EngineChannel {
  const { parentPort } = process as unknown as { readonly parentPort?: ParentPort | null };
  if (parentPort) {
    return {
      post: (event) => parentPort.postMessage(event),
      onCommand: (listener) =>
        parentPort.on('message', ({ data }) => {
          // Of a trial that the runtime has ordered; it listens itself.
          if (data.type !== 'probed') listener(data);
        }),
      onClose: (listener) => parentPort.on('close', listener),
    };
  }
  if (process.send === undefined) throw new Error('The engine runs only as a child process.');
  return {
    // A parent that has gone away in the meantime is noticed by onClose.
    post: (event) => process.send?.(event, undefined, undefined, () => undefined),
    onCommand: (listener) => process.on('message', (message) => listener(message as EngineCommand)),
    onClose: (listener) => process.once('disconnect', listener),
  };
}

// Ctrl-C reaches every process of the terminal; it is the parent who decides, and cancels.
process.on('SIGINT', () => undefined);

watchParent();
const models = new ModelCache();
await serveRequests(openChannel(), {
  trace: (request, hooks) => trace(request, hooks, models),
  tap: (request, hooks) => tap(request, hooks, models),
  cause: (request, hooks) => checkCause(request, hooks, models),
  fitLens: (request, hooks) => fitLens(request, hooks, models),
  describeLens,
  outline: (folder) => outlineCheckpoint(folder),
  inspect: inspectCheckpoint,
  providers: listProviders,
  prepare: prepareModel,
  verify: verifyModel,
});
process.exit(0);
