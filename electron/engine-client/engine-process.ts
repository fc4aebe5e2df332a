import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { EngineCommand, EngineEvent } from '../common/engine-messages.ts';
import { FundusLensError } from '../common/errors.ts';

export interface EngineProcess {
  readonly pid: number | null;
  post(command: EngineCommand): void;
  /** Asks the process to end, kills it when it does not, and waits until it is gone. */
  end(): Promise<void>;
}

export interface EngineProcessListener {
  onEvent(event: EngineEvent): void;
  /** Called once, when the process is gone for whatever reason. */
  onEnd(error: FundusLensError): void;
}

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
export function forkEngine(script: string | URL, listener: EngineProcessListener): EngineProcess {
  const child = fork(script, [], {
    // Numbers travel as typed arrays, which JSON could not carry.
    serialization: 'advanced',
    // stdout belongs to whoever asked (`--json -`), so nothing of the engine may reach it.
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
    // The process could not be started at all; once it runs, its end is told by `exit`.
    if (child.pid === undefined) listener.onEnd(couldNotStart(error));
  });
  child.on('exit', (code, signal) => {
    const tell = () => listener.onEnd(closing ? closed() : killed(code, signal, lastWords.trim()));
    void waitForLastWords(child).then(tell);
  });
  return {
    get pid() {
      return child.pid ?? null;
    },
    post: (command) => {
      if (child.connected) child.send(command, () => undefined);
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
}

async function waitForLastWords(child: ChildProcess): Promise<void> {
  if (child.stderr === null || child.stderr.readableEnded) return;
  await once(child.stderr, 'end', { signal: AbortSignal.timeout(lastWordsPatience) }).catch(() => undefined);
}

function killed(code: number | null, signal: NodeJS.Signals | null, lastWords: string): FundusLensError {
  const how = signal === null ? `it ended with exit code ${code ?? 'unknown'}` : `it was ended by ${signal}`;
  const memory =
    'If nobody stopped it, the computer was short of memory: choose a smaller image or model, or close other programs';
  return new FundusLensError('engine.killed', 'The engine process ended before its work was done.', {
    expected: 'the engine to answer',
    found: lastWords === '' ? how : `${how}; it last wrote: ${lastWords}`,
    advice:
      signal === null
        ? 'Try again; if it happens again, report it with this message.'
        : `${memory}, and try again.`,
  });
}

function closed(): FundusLensError {
  return new FundusLensError('engine.cancelled', 'The engine was closed before its work was done.');
}

function couldNotStart(cause: Error): FundusLensError {
  return new FundusLensError('engine.killed', 'The engine process could not be started.', {
    found: cause.message,
    advice: 'Close other programs and try again.',
    cause,
  });
}
