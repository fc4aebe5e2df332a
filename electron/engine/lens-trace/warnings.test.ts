import { expect, test } from 'vitest';
import type { LensTrace } from './lens-trace.ts';
import { furtherWarnings, inTurnWarning } from './warnings.ts';

test('what other fields of a trace say is not said again, and everything else is', () => {
  const raw = 'The raw lens leaves out the final norm.';
  const fallback = 'Runs on "cpu" because the better providers cannot be used here: cuda: none.';
  const leak = 'The prompt itself names: Eye.';
  const warnings = [raw, fallback, leak, inTurnWarning, 'Something new.'];
  const trace = (reason: string | null, lens: LensTrace['lens'], leaks: string[]) =>
    ({ warnings, lens, model: { providerFallback: reason }, prompt: { leaks } }) as unknown as LensTrace;
  expect(furtherWarnings(trace('cuda: none', 'raw', ['eye']))).toEqual(['Something new.']);
  expect(furtherWarnings(trace(null, 'logit', []))).toEqual([raw, fallback, leak, 'Something new.']);
});
