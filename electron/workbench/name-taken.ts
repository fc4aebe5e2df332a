import { FundusLensError } from '../contract/errors.ts';

/** A name that must be unique is in use. */
export function nameTaken(): FundusLensError {
  return new FundusLensError('input.invalid', 'There is one of this name already.', {
    advice: 'choose another name',
  });
}
