import { parseDocument, stringify } from 'yaml';
import { z } from 'zod';
import { FundusLensError } from '../../../contract/errors.ts';
import { experimentFileSchema } from '../../../contract/experiments.ts';
import type { ExperimentFile } from '../../../contract/experiments.ts';

/** A person writes these by hand; what is larger was made to take the machine down. */
const mostAliases = 0;

/**
 * Reads an experiment from the text of a file.
 *
 * @throws FundusLensError `experiment.invalid`, naming the line or the field
 */
export function readExperiment(text: string): ExperimentFile {
  const document = parseDocument(text, { strict: true, uniqueKeys: true, version: '1.2' });
  const [error] = document.errors;
  if (error !== undefined) throw invalid(error.message);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: mostAliases });
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause));
  }
  const { success, data, error: problem } = experimentFileSchema.safeParse(value);
  if (!success) throw invalid(z.prettifyError(problem));
  return data;
}

/** The file as a person would write it: what stands at its default is left in, so that a reader sees what was decided. */
export function writeExperiment(file: ExperimentFile): string {
  const { fixed, ...rest } = file;
  const plan = stringify(rest, { lineWidth: 110 });
  if (fixed === undefined) return plan;
  return `${plan}# The plan above was fixed before the run. Take these lines out to make another experiment of it.\n${stringify({ fixed })}`;
}

function invalid(found: string): FundusLensError {
  return new FundusLensError('experiment.invalid', 'This is not an experiment.', {
    expected: 'YAML with schema: fundus-lens.experiment/1, as `fundus-lens experiment new` writes it',
    found,
    advice: 'Correct the file.',
  });
}
