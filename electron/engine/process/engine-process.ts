import type { EngineCommand, EngineEvent } from './messages.ts';
import { FundusLensError } from '../../contract/errors.ts';

/** The engine's own process, whichever runtime started it. */
export interface EngineProcess {
  readonly pid: number | null;
  post(command: EngineCommand): void;
  /** Asks the process to end, kills it when it does not, and waits until it is gone. */
  end(): Promise<void>;
  /** Ends a process that does not answer, at once and without asking; {@link EngineProcessListener.onEnd} follows. */
  kill(): void;
}

export interface EngineProcessListener {
  onEvent(event: EngineEvent): void;
  /** Called once, when the process is gone for whatever reason. */
  onEnd(error: FundusLensError): void;
}

/**
 * Starts the engine in a process of its own.
 *
 * @param environment beside that of this process
 */
export type ForkEngine = (
  script: string | URL,
  listener: EngineProcessListener,
  environment: Readonly<Record<string, string>>,
) => EngineProcess;

/** The process ended while work was under way. */
export function engineEnded(
  code: number | null,
  signal: NodeJS.Signals | null,
  lastWords: string,
): FundusLensError {
  const how = signal === null ? `it ended with exit code ${code ?? 'unknown'}` : `it was ended by ${signal}`;
  const words = lastWords.trim();
  const memory =
    'Unless it was stopped on purpose, the computer ran out of memory: choose a smaller image or model, or close other programs';
  return new FundusLensError('engine.killed', 'The engine process ended before its work was done.', {
    expected: 'the engine to answer',
    found: words === '' ? how : `${how}; it last wrote: ${words}`,
    advice:
      signal === null
        ? 'Try again; if it happens again, report it with this message.'
        : `${memory}, and try again.`,
  });
}

/** The process ran without answering, so we ended it. */
export function engineSilent(milliseconds: number): FundusLensError {
  return new FundusLensError('engine.killed', 'The engine did not answer any more and was ended.', {
    expected: 'progress or an answer',
    found: `no sign of life for ${Math.round(milliseconds / 1000)} s`,
    advice:
      'Try again; if it happens again with this model, check its files and the driver of the graphics card.',
  });
}

export function engineClosed(): FundusLensError {
  return new FundusLensError('engine.cancelled', 'The engine was closed before its work was done.');
}

export function engineNotStarted(cause: Error): FundusLensError {
  return new FundusLensError('engine.killed', 'The engine process could not be started.', {
    found: cause.message,
    advice: 'Close other programs and try again.',
    cause,
  });
}
