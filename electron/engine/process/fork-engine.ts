import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { EngineCommand, EngineEvent } from './messages.ts';
import { engineClosed, engineEnded, engineNotStarted } from './engine-process.ts';
import type { ForkEngine } from './engine-process.ts';

/** How long a process that was asked to end may take, milliseconds. */
const endPatience = 2000;
/** How long the last words of a dead process are waited for, milliseconds. */
const lastWordsPatience = 200;
/** Characters kept of what the process wrote to stderr. */
const lastWordsLength = 2000;

/**
 * Starts the engine in a process of its own. Its line to us closes with our end, and it ends when the line does.
 *
 * @param script the process's entry
 */
export const forkEngine: ForkEngine = (script, listener, environment) => {
  const child = fork(script, [], {
    env: { ...process.env, ...environment },
    // Numbers travel as typed arrays, which JSON could not carry.
    serialization: 'advanced',
    // stdout belongs to the caller (`--json -`), so nothing of the engine may reach it.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
  });
  let closing = false;
  let lastWords = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-lastWordsLength);
  });
  child.on('message', (message) => listener.onEvent(message as EngineEvent));
  child.on('error', (error) => {
    // The process could not be started at all; once it runs, `exit` reports its end.
    if (child.pid === undefined) listener.onEnd(engineNotStarted(error));
  });
  child.on('exit', (code, signal) => {
    const report = () => listener.onEnd(closing ? engineClosed() : engineEnded(code, signal, lastWords));
    void waitForLastWords(child).then(report);
  });
  return {
    get pid() {
      return child.pid ?? null;
    },
    post: (command) => {
      if (child.connected) child.send(command, () => undefined);
    },
    kill: () => {
      child.kill('SIGKILL');
    },
    end: async () => {
      closing = true;
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      if (child.connected) child.send({ type: 'shutdown' } satisfies EngineCommand, () => undefined);
      const timer = setTimeout(() => child.kill('SIGKILL'), endPatience);
      await gone;
      clearTimeout(timer);
    },
  };
};

async function waitForLastWords(child: ChildProcess): Promise<void> {
  if (child.stderr === null || child.stderr.readableEnded) return;
  await once(child.stderr, 'end', { signal: AbortSignal.timeout(lastWordsPatience) }).catch(() => undefined);
}
