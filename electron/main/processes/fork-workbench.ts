import { fork } from 'node:child_process';
import { utilityProcess } from 'electron';
import type { WorkbenchCommand, WorkbenchEvent } from './workbench-messages.ts';

/** The workbench's process as the window's sees it. */
export interface WorkbenchProcess {
  post(command: WorkbenchCommand): void;
  kill(): void;
}

export interface WorkbenchListener {
  onEvent(event: WorkbenchEvent): void;
  /** Called once, when the process is gone for whatever reason. */
  onEnd(how: string): void;
}

/** Characters kept of what the process wrote to stderr. */
const lastWordsLength = 2000;

/**
 * Starts the workbench in a process of its own: in the desktop's own runtime, or in a plain Node, which has neither the window
 * system's libraries nor anything of the desktop's.
 *
 * @param node path of that Node; null for the desktop's runtime
 */
export function forkWorkbench(
  script: string,
  node: string | null,
  listener: WorkbenchListener,
): WorkbenchProcess {
  let lastWords = '';
  const hear = (chunk: Buffer | string) => {
    lastWords = (lastWords + chunk.toString()).slice(-lastWordsLength);
  };
  const describe = (how: string) => (lastWords.trim() === '' ? how : `${how}; ${lastWords.trim()}`);
  if (node === null) {
    const child = utilityProcess.fork(script, [], {
      stdio: ['ignore', 'ignore', 'pipe'],
      serviceName: 'Fundus Lens workbench',
    });
    let gone = false;
    child.stderr?.on('data', hear);
    child.on('message', (event: WorkbenchEvent) => listener.onEvent(event));
    child.on('exit', (code) => {
      gone = true;
      listener.onEnd(describe(`exit code ${code}`));
    });
    return {
      post: (command) => {
        if (!gone) child.postMessage(command);
      },
      kill: () => child.kill(),
    };
  }
  const child = fork(script, [], {
    execPath: node,
    execArgv: [],
    // Calls travel as bytes, which JSON could not carry.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  child.stderr?.on('data', hear);
  child.on('message', (event) => listener.onEvent(event as WorkbenchEvent));
  child.on('error', (error) => {
    // It could not be started at all; once it runs, `exit` reports its end.
    if (child.pid === undefined) listener.onEnd(error.message);
  });
  child.on('exit', (code, signal) => listener.onEnd(describe(signal ?? `exit code ${code ?? 'unknown'}`)));
  return {
    post: (command) => {
      if (child.connected) child.send(command, () => undefined);
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
