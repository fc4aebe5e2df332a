import { FundusLensError } from '../../contract/errors.ts';
import type { Architecture } from './architecture.ts';
import { qwen25Vl } from './qwen2-5-vl.ts';
import { qwen2Vl } from './qwen2-vl.ts';

/** Every supported family, one line each. */
export const architectures: readonly Architecture[] = [qwen2Vl, qwen25Vl];

/** @throws FundusLensError `model.family-unsupported` that lists the families there are */
export function findArchitecture(modelType: unknown): Architecture {
  const found = architectures.find((architecture) => architecture.modelType === modelType);
  if (found !== undefined) return found;
  throw new FundusLensError('model.family-unsupported', 'This family of models is not supported.', {
    expected: `model_type ${architectures.map((a) => `"${a.modelType}" (${a.title})`).join(' or ')}`,
    found: modelType === undefined ? 'config.json without model_type' : JSON.stringify(modelType),
    advice: 'Choose a checkpoint of a supported family; the README says how to add one.',
  });
}
