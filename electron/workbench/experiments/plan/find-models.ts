import { FundusLensError } from '../../../contract/errors.ts';
import type { ExperimentFile } from '../../../contract/experiments.ts';
import { addModel } from '../../models/stored-models.ts';
import type { Services } from '../../services.ts';
import { findModel } from '../../traces/bundled-defaults.ts';

/**
 * SHA-256 of an experiment's models; folders become models of the library.
 *
 * @throws FundusLensError `model.not-found`, or what is wrong with a folder
 */
export async function findModels(services: Services, { models }: ExperimentFile): Promise<string[]> {
  const found: string[] = [];
  for (const model of models) {
    if (typeof model === 'object' && 'sha256' in model) found.push(knownModel(services, model.sha256));
    else {
      const folder = findModel(model === 'bundled' ? undefined : model.folder);
      found.push((await addModel(services, folder)).sha256);
    }
  }
  return [...new Set(found)];
}

function knownModel({ session }: Services, sha256: string): string {
  const { library } = session;
  if (library.models.findBySha256(sha256) !== undefined) return sha256;
  throw new FundusLensError('model.not-found', 'A model of the experiment is not known here.', {
    expected: `a checkpoint with SHA-256 ${sha256}`,
    found:
      library.models
        .list()
        .map(({ name, sha256: known }) => `${name} (${known.slice(0, 12)})`)
        .join(', ') || 'no model',
    advice: 'Add its folder under "Models", or with `fundus-lens models add`.',
  });
}
