import { z } from 'zod';
import { FundusLensError } from '../../../contract/errors.ts';

/**
 * Reads a part of a configuration by a schema.
 *
 * @param what the part, e.g. `vision_config of config.json`
 * @param title of the family
 * @throws FundusLensError `model.config-invalid` that names every field that is missing or has a wrong value
 */
export function parsePart<T extends z.ZodType>(
  what: string,
  title: string,
  schema: T,
  value: unknown,
): z.infer<T> {
  const result = schema.safeParse(value);
  if (!result.success)
    throw configError(what, `the fields of a ${title} checkpoint`, z.prettifyError(result.error));
  return result.data;
}

/**
 * @param checks what must hold, what is expected, what was found
 * @throws FundusLensError `model.config-invalid` for the first that does not hold
 */
export function requireAll(checks: readonly (readonly [boolean, string, string])[]): void {
  for (const [holds, expected, found] of checks) {
    if (!holds) throw configError('config.json', expected, found);
  }
}

export function configError(what: string, expected: string, found: string): FundusLensError {
  return new FundusLensError('model.config-invalid', `This model cannot be compiled from ${what}.`, {
    expected,
    found,
    advice: 'Use the config.json that belongs to the weights, unedited.',
  });
}
