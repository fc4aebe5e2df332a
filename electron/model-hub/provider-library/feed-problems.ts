import { FundusLensError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';

/** The downloader speaks of hubs and models; a feed of packages has other remedies. */
const advices: Readonly<Partial<Record<ErrorCode, string>>> = {
  'hub.offline':
    'Switch offline mode off in the settings (`models hub --online`), or bring the package here by hand and name its file.',
  'hub.unreachable':
    'Check the network and the address of the feed, then start again; what has arrived is kept.',
  'hub.stalled': 'Check the network, then start again; what has arrived is kept.',
  'hub.rate-limited': 'Start again later; what has arrived is kept.',
  'hub.failed': 'The feed has a problem of its own; start again later.',
  'hub.not-found':
    'Check the address of the feed in the settings; the version must be that of the installed ONNX Runtime.',
  'hub.access':
    'The feed wants a login, which is not supported; fetch the package by hand and name its file.',
  'hub.wrong-content':
    'A log-in page of a network, or a wrong address of the feed, looks like this. Correct it, then start again.',
  'model.hash-mismatch': 'What arrived was thrown away. Start again; if it happens again, ask another feed.',
  'model.disk-full': 'Free some space, then start again; what has arrived is kept.',
  'model.busy': 'Wait for the other one, or end it.',
};

const summaries: Readonly<Partial<Record<ErrorCode, string>>> = {
  'model.disk-full': 'The disk has too little space for the CUDA library.',
  'model.busy': 'Another window or terminal is installing the CUDA library.',
};

/** The same problem, with what a person can do about it here. */
export function asFeedProblem(error: unknown, feed: string): unknown {
  if (!(error instanceof FundusLensError)) return error;
  const advice = advices[error.code];
  if (advice === undefined) return error;
  const { code, expected, found, cause } = error;
  return new FundusLensError(code, summaries[code] ?? error.summary, {
    expected: code === 'hub.not-found' ? `the package on ${feed}` : (expected ?? 'an answer'),
    ...(found === undefined ? {} : { found }),
    advice,
    cause,
  });
}
