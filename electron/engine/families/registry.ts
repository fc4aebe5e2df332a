import { FundusLensError } from '../../contract/errors.ts';
import { gemma3 } from './gemma3/family.ts';
import { idefics3, smolVlm } from './idefics3/family.ts';
import { qwen25Vl } from './qwen2-5-vl/family.ts';
import { qwen2Vl } from './qwen2-vl/family.ts';
import { qwen3Vl } from './qwen3-vl/family.ts';
import type { Family } from './shared/family.ts';

/** Every supported family, one line each. */
const families: Family[] = [qwen2Vl, qwen25Vl, qwen3Vl, idefics3, smolVlm, gemma3];

/**
 * Adds a family of one's own; checkpoints of its `model_type` can then be opened in this process.
 *
 * @throws FundusLensError `input.invalid` when the `model_type` is taken
 */
export function registerFamily(family: Family): void {
  const taken = families.find(({ modelType }) => modelType === family.modelType);
  if (taken !== undefined) {
    throw new FundusLensError('input.invalid', 'There is a family with this model_type already.', {
      expected: 'a model_type other than those of the registered families',
      found: `"${family.modelType}", which is ${taken.title}`,
      advice: 'Register each family once.',
    });
  }
  families.push(family);
}

/** @throws FundusLensError `model.family-unsupported` that lists the families there are */
export function findFamily(modelType: unknown): Family {
  const found = families.find((family) => family.modelType === modelType);
  if (found !== undefined) return found;
  throw new FundusLensError('model.family-unsupported', 'This family of models is not supported.', {
    expected: `model_type ${families.map((family) => `"${family.modelType}" (${family.title})`).join(' or ')}`,
    found: modelType === undefined ? 'config.json without model_type' : JSON.stringify(modelType),
    advice: 'Choose a checkpoint of a supported family; docs/add-a-family.md says how to add one.',
  });
}
