import { FundusLensError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';

/** A failure of the network that may pass by itself; `retryAfter` is what the hub asked for, milliseconds. */
export class TransientHubError extends FundusLensError {
  readonly retryAfter: number | null;

  constructor(
    code: ErrorCode,
    summary: string,
    details: ConstructorParameters<typeof FundusLensError>[2],
    retryAfter: number | null = null,
  ) {
    super(code, summary, details);
    this.retryAfter = retryAfter;
  }
}

const checkAddress =
  'Check the network, and the address of the hub in the settings; then resume. What has arrived is kept.';

export function offline(endpoint: string): FundusLensError {
  return new FundusLensError('hub.offline', 'The software is set to use no network.', {
    expected: `permission to ask ${endpoint}`,
    found: 'offline mode is on',
    advice: 'Switch offline mode off in the settings, or copy the model to this computer and add its folder.',
  });
}

export function unreachable(host: string, cause: unknown): TransientHubError {
  return new TransientHubError('hub.unreachable', `The connection to ${host} failed.`, {
    expected: 'an answer',
    found: reasonOf(cause),
    advice: checkAddress,
    cause,
  });
}

export function cutOff(host: string, expected: number, found: number): TransientHubError {
  return new TransientHubError('hub.unreachable', `${host} closed the connection too early.`, {
    expected: `${expected} bytes`,
    found: `${found} bytes`,
    advice: checkAddress,
  });
}

export function stalled(host: string, milliseconds: number): TransientHubError {
  return new TransientHubError('hub.stalled', `${host} stopped sending.`, {
    expected: `some bytes within ${milliseconds / 1000} s`,
    found: 'none',
    advice: checkAddress,
  });
}

export function wrongContent(url: string, expected: string, found: string): FundusLensError {
  return new FundusLensError('hub.wrong-content', `${url} gave something else than was asked for.`, {
    expected,
    found,
    advice:
      'A log-in page of a network, or a wrong address of the hub, looks like this: open the address in a browser, then resume.',
  });
}

/**
 * What an answer that is no success means.
 *
 * @param what the repository, or the file in it
 */
export async function statusError(response: Response, what: string): Promise<FundusLensError> {
  const { status, headers } = response;
  const hubCode = headers.get('x-error-code') ?? '';
  const said = headers.get('x-error-message') ?? (await firstLine(response));
  const found = `HTTP ${status}${said === '' ? '' : `: ${said}`}`;
  const host = new URL(response.url).host;
  if (status === 401 || status === 403) {
    if (hubCode === 'RepoNotFound') {
      return new FundusLensError('hub.access', `${what} does not exist on ${host}, or is private.`, {
        expected: 'a public model, or a token that may read it',
        found,
        advice: 'Check the name; for a private model, enter an access token of an account that may read it.',
      });
    }
    return new FundusLensError('hub.access', `${host} does not let you read ${what}.`, {
      expected: 'an access token of an account that has accepted the terms of the model',
      found,
      advice: `Open the page of the model in a browser, accept its terms, make an access token with the right to read, and enter it here.`,
    });
  }
  if (status === 404 || status === 410) {
    const missing =
      hubCode === 'RevisionNotFound' ? 'this revision' : hubCode === 'EntryNotFound' ? 'this file' : 'it';
    return new FundusLensError('hub.not-found', `${what} is not on ${host}.`, {
      expected: 'a model by this name and revision',
      found: `${found} (${host} does not have ${missing})`,
      advice: 'Check the spelling; name the revision as the page of the model shows it.',
    });
  }
  if (status === 429) {
    const retryAfter = readRetryAfter(headers.get('retry-after'));
    return new TransientHubError(
      'hub.rate-limited',
      `${host} asks to be left alone for a while.`,
      {
        expected: 'an answer',
        found: `${found}; ${retryAfter === null ? 'no time is stated' : `again in ${Math.ceil(retryAfter / 1000)} s`}`,
        advice: 'Resume later. With an access token the hub allows more.',
      },
      retryAfter,
    );
  }
  const details = { expected: 'the file', found, advice: 'The hub has a problem of its own; resume later.' };
  const summary = `${host} could not answer.`;
  return status >= 500 || status === 408
    ? new TransientHubError('hub.failed', summary, details, readRetryAfter(headers.get('retry-after')))
    : new FundusLensError('hub.failed', summary, details);
}

/** Seconds, or a date. @returns milliseconds from now; null when nothing usable is stated */
function readRetryAfter(text: string | null): number | null {
  if (text === null || text.trim() === '') return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

async function firstLine(response: Response): Promise<string> {
  const type = response.headers.get('content-type') ?? '';
  const text = await response.text().catch(() => '');
  if (type.includes('json')) {
    try {
      const { error } = JSON.parse(text) as { error?: unknown };
      return typeof error === 'string' ? error.slice(0, 200) : '';
    } catch {
      return '';
    }
  }
  return type.includes('html') ? '' : (text.split('\n', 1)[0]?.slice(0, 200) ?? '');
}

/** Node hides the reason of a failed request in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}
