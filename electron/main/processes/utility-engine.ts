import { utilityProcess } from 'electron';
import type { UtilityProcess } from 'electron';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProbeEnd, ProbeOrder } from '../../contract/models/probe-order.ts';
import type { EngineCommand, EngineEvent } from '../../engine/process/messages.ts';
import { engineClosed, engineEnded } from '../../engine/process/engine-process.ts';
import type { ForkEngine } from '../../engine/process/engine-process.ts';

/** How long a process that was asked to end may take, milliseconds. */
const endPatience = 2000;
/** Characters kept of what the process wrote to stderr. */
const lastWordsLength = 2000;

/** How long a driver may take to start, milliseconds. */
const probePatience = 120_000;
/** Characters kept of what a driver says. */
const logLength = 200_000;

/** Starts the engine as a utility process, which the system shows under our name and ends with us. */
export const forkUtilityEngine: ForkEngine = (script, listener, environment) => {
  const path = script instanceof URL ? fileURLToPath(script) : script;
  const child = utilityProcess.fork(path, [], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
    serviceName: 'Fundus Lens engine',
  });
  let closing = false;
  let gone = false;
  let lastWords = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-lastWordsLength);
  });
  child.on('message', (message: EngineEvent | ProbeOrder) => {
    if (message.type !== 'probe') {
      listener.onEvent(message);
      return;
    }
    void probe(message).then((end) => {
      if (!gone) child.postMessage(end);
    });
  });
  child.on('exit', (code) => {
    gone = true;
    listener.onEnd(closing ? engineClosed() : engineEnded(code, null, lastWords));
  });
  return {
    get pid() {
      return child.pid ?? null;
    },
    post: (command) => {
      if (!gone) child.postMessage(command);
    },
    kill: () => killNow(child),
    end: async () => {
      closing = true;
      if (gone) return;
      const ended = once(child, 'exit');
      child.postMessage({ type: 'shutdown' } satisfies EngineCommand);
      const timer = setTimeout(() => killNow(child), endPatience);
      await ended;
      clearTimeout(timer);
    },
  };
};

/** Runs a trial of the engine's in a process of its own, which a driver may take with it. */
function probe({ id, script, args, environment }: ProbeOrder): Promise<ProbeEnd> {
  return new Promise((resolve) => {
    const child = utilityProcess.fork(script, [...args], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
      serviceName: 'Fundus Lens trial of a graphics card',
    });
    let report: unknown = null;
    let log = '';
    const timer = setTimeout(() => killNow(child), probePatience);
    child.stderr?.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-logLength);
    });
    child.on('message', (message: unknown) => {
      report = message;
      child.kill();
    });
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve({ type: 'probed', id, report, how: `exit code ${code}`, log });
    });
  });
}

/** The runtime's own `kill` asks politely, which a process that hangs in a computation may not hear. */
function killNow(child: UtilityProcess): void {
  try {
    if (child.pid !== undefined) process.kill(child.pid, 'SIGKILL');
  } catch {
    child.kill();
  }
}
