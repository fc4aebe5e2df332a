import { expect, test } from 'vitest';
import { queuedTraceSchema, traceKey } from './queued-trace.ts';

const earlier = {
  imageSha256: 'a'.repeat(64),
  modelId: 1,
  modelSha256: 'b'.repeat(64),
  prompt: 'What is this?',
  conceptSetRow: 1,
  conceptSetSha256: 'c'.repeat(64),
  lens: 'logit',
  positions: 'last',
  topK: 10,
  generate: 0,
  traceGenerated: false,
  controls: true,
  provider: 'cpu',
};

test('a job of an earlier version has the key that it had, and less detail is another trace', () => {
  const job = queuedTraceSchema.parse(earlier);
  expect(job.maxPixels).toBeNull();
  // Computed by the version before traces could be limited.
  expect(traceKey(job)).toBe('db2d1fe460d62d30027c3a5a2cc920472d21031632c6b89eda46b3b158d6cf45');
  expect(traceKey({ ...job, maxPixels: 500_000 })).not.toBe(traceKey(job));
});
