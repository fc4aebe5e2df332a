export interface ProtocolErrorDetails {
  /** What the protocol needed. */
  readonly expected?: string;
  /** What it got instead. */
  readonly found?: string;
  /** What the person can do next. */
  readonly advice?: string;
}

/**
 * Something that a person entered, drew or opened does not fit the protocol; the message says what was expected, what was
 * found and what to do.
 */
export class ProtocolError extends Error {
  readonly summary: string;
  readonly details: ProtocolErrorDetails;

  constructor(summary: string, details: ProtocolErrorDetails = {}) {
    const { expected, found, advice } = details;
    const lines = [
      summary,
      ...(expected === undefined ? [] : [`  expected: ${expected}`]),
      ...(found === undefined ? [] : [`  found: ${found}`]),
      ...(advice === undefined ? [] : [`  what to do: ${advice}`]),
    ];
    super(lines.join('\n'));
    this.name = 'ProtocolError';
    this.summary = summary;
    this.details = details;
  }
}
