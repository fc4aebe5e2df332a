/** What can be wrong with what a decoder is fitted on, or with the file that it is read from. */
export const decoderErrorCodes = [
  'decoder.no-fields',
  'decoder.no-features',
  'decoder.one-class',
  'decoder.too-few-patients',
  'decoder.patients-overlap',
  'decoder.features-missing',
  'decoder.width',
  'decoder.not-finite',
  'decoder.labels',
  'decoder.options',
  'decoder.file-damaged',
  'decoder.newer-version',
  'decoder.other-model',
  'decoder.other-features',
  'decoder.unwritable',
] as const;

/**
 * Every problem a person can cause or repair has a code, and its text says what was expected, what was
 * found, and what to do. Anything else that is thrown is a defect of ours.
 */
export const errorCodes = [
  'image.unreadable',
  'image.truncated',
  'image.too-large',
  'image.aspect-ratio',
  'model.not-found',
  'model.not-a-checkpoint',
  'model.family-unsupported',
  'model.config-invalid',
  'model.weights-truncated',
  'model.weights-invalid',
  'model.tensor-missing',
  'model.tensor-left-over',
  'model.tensor-shape',
  'model.tensor-dtype',
  'model.tokenizer-missing',
  'model.tokenizer-invalid',
  'model.chat-template',
  'model.parity-gate',
  'model.too-large',
  'model.hash-mismatch',
  'model.disk-full',
  'model.in-use',
  'model.busy',
  'hub.offline',
  'hub.unreachable',
  'hub.stalled',
  'hub.not-found',
  'hub.access',
  'hub.rate-limited',
  'hub.failed',
  'hub.wrong-content',
  'prompt.no-room-for-image',
  'prompt.too-long',
  'prompt.unknown-preset',
  'concepts.unknown',
  'concepts.invalid',
  'protocol.invalid',
  'experiment.invalid',
  'experiment.changed',
  ...decoderErrorCodes,
  'lens.not-found',
  'lens.file-damaged',
  'lens.newer-version',
  'lens.other-model',
  'trace.positions',
  'trace.top-k',
  'trace.too-large',
  'provider.unavailable',
  'provider.no-library',
  'provider.package',
  'provider.in-place',
  'engine.killed',
  'engine.cancelled',
  'engine.out-of-memory',
  'output.unwritable',
  'library.unavailable',
  'library.newer-schema',
  'library.locked',
  'library.damaged',
  'library.disk-full',
  'library.read-only',
  'cluster.not-configured',
  'cluster.not-prepared',
  'cluster.unreachable',
  'cluster.storage',
  'import.file',
  'export.failed',
  'input.invalid',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorDetails {
  /** What the software needed. */
  readonly expected?: string;
  /** What it got instead. */
  readonly found?: string;
  /** What the person can do next. */
  readonly advice?: string;
  readonly cause?: unknown;
}

/** An error with a code and, in its message, what was expected, what was found and what to do. */
export class FundusLensError extends Error {
  readonly code: ErrorCode;
  readonly summary: string;
  readonly expected: string | undefined;
  readonly found: string | undefined;
  readonly advice: string | undefined;

  constructor(code: ErrorCode, summary: string, details: ErrorDetails = {}) {
    super(composeMessage(summary, details), details.cause === undefined ? {} : { cause: details.cause });
    this.name = 'FundusLensError';
    this.code = code;
    this.summary = summary;
    this.expected = details.expected;
    this.found = details.found;
    this.advice = details.advice;
  }
}

function composeMessage(summary: string, { expected, found, advice }: ErrorDetails): string {
  return [
    summary,
    expected === undefined ? '' : `  expected: ${expected}`,
    found === undefined ? '' : `  found: ${found}`,
    advice === undefined ? '' : `  what to do: ${advice}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}
