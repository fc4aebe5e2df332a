import type { LensTrace } from './lens-trace.ts';

/** Of a device that holds only one of the model's graphs at a time. */
export const inTurnWarning =
  'The parts of the model take turns in the memory of the device, which does not hold them together.';

/** The warnings of a trace that an interface cannot say in its own words from the trace's other fields. */
export function furtherWarnings({
  warnings,
  model,
  lens,
  prompt,
}: Pick<LensTrace, 'warnings' | 'model' | 'lens' | 'prompt'>): string[] {
  const reason = model.providerFallback;
  return warnings.filter(
    (warning) =>
      warning !== inTurnWarning &&
      !(reason !== null && warning.includes(reason)) &&
      !(lens === 'raw' && warning.startsWith('The raw lens')) &&
      !(prompt.leaks.length > 0 && warning.startsWith('The prompt itself names')),
  );
}
