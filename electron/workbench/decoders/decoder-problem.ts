import { FundusLensError } from '../../contract/errors.ts';
import { problemOf, type Problem } from '../../contract/problem.ts';
import {
  DecoderError,
  deserializeDecoderError,
  type SerializedDecoderError,
} from '../../decoder/request/errors.ts';

/** An error of the decoders as one of the contract; anything else as it is. */
export function asContractError(error: unknown): unknown {
  if (!(error instanceof DecoderError)) return error;
  const { code, summary, expected, found, advice } = error;
  if (code === 'decoder.cancelled') return new FundusLensError('engine.cancelled', summary);
  return new FundusLensError(code, summary, { expected, found, advice, cause: error });
}

/** Why a field could not be learnt. */
export function problemOfRefusal(error: SerializedDecoderError): Problem {
  return problemOf(asContractError(deserializeDecoderError(error)));
}

/**
 * Runs work on decoders; what is wrong with labels, features or files becomes an error of the contract.
 *
 * @throws FundusLensError `decoder.*`
 */
export async function onDecoders<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asContractError(error);
  }
}
