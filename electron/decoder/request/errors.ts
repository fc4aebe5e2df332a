import type { decoderErrorCodes } from '../../contract/errors.ts';

/** Cancelling is no problem that a person is told of. */
export type DecoderErrorCode = (typeof decoderErrorCodes)[number] | 'decoder.cancelled';

/** Values that a translated message is filled with. */
export type DecoderErrorParams = Readonly<Record<string, string | number>>;

export interface DecoderErrorDetails {
  readonly expected: string;
  readonly found: string;
  readonly advice: string;
  readonly params?: DecoderErrorParams;
  readonly cause?: unknown;
}

/** Says what was expected, what was found and what to do; `params` holds the same as values. */
export class DecoderError extends Error {
  readonly code: DecoderErrorCode;
  readonly summary: string;
  readonly expected: string;
  readonly found: string;
  readonly advice: string;
  readonly params: DecoderErrorParams;

  constructor(code: DecoderErrorCode, summary: string, details: DecoderErrorDetails) {
    const { expected, found, advice, params = {}, cause } = details;
    super(
      `${summary}\n  expected: ${expected}\n  found: ${found}\n  what to do: ${advice}`,
      cause === undefined ? {} : { cause },
    );
    this.name = 'DecoderError';
    this.code = code;
    this.summary = summary;
    this.expected = expected;
    this.found = found;
    this.advice = advice;
    this.params = params;
  }
}

/** A {@link DecoderError} as it travels between threads: structured cloning keeps only an error's message. */
export interface SerializedDecoderError {
  readonly code: DecoderErrorCode | 'internal';
  readonly summary: string;
  readonly expected: string;
  readonly found: string;
  readonly advice: string;
  readonly params: DecoderErrorParams;
  readonly stack: string | undefined;
}

export function serializeDecoderError(error: unknown): SerializedDecoderError {
  if (error instanceof DecoderError) {
    const { code, summary, expected, found, advice, params, stack } = error;
    return { code, summary, expected, found, advice, params, stack };
  }
  const thrown = error instanceof Error ? error : new Error(String(error));
  return {
    code: 'internal',
    summary: thrown.message,
    expected: '',
    found: '',
    advice: '',
    params: {},
    stack: thrown.stack,
  };
}

export function deserializeDecoderError(error: SerializedDecoderError): Error {
  const { code, summary, expected, found, advice, params, stack } = error;
  if (code !== 'internal') return new DecoderError(code, summary, { expected, found, advice, params });
  const restored = new Error(summary);
  if (stack !== undefined) restored.stack = stack;
  return restored;
}

/** @throws DecoderError `decoder.cancelled` once the signal has been given */
export function stopIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}

export function cancelled(): DecoderError {
  return new DecoderError('decoder.cancelled', 'The fit was stopped.', {
    expected: 'to run to the end',
    found: 'a request to stop',
    advice: 'Start it again when you want to.',
  });
}
