import fundus from '../../../resources/protocols/fundus.json' with { type: 'json' };
import { FundusLensError } from '../../contract/errors.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { readProtocolSchema } from '../../protocol/schema.ts';
import { protocolSchemaFile } from '../../protocol/schema-format.ts';

/** The form that comes with the software, as its file says it. */
export const fundusFile = protocolSchemaFile.parse(fundus);

/** The same with its fields looked up. */
export const fundusSchema = readProtocolSchema(fundus);

/**
 * Runs work on protocols; what does not fit the form becomes an error of the contract.
 *
 * @throws FundusLensError `protocol.invalid`
 */
export function onTheForm<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new FundusLensError('protocol.invalid', error.summary, { ...error.details, cause: error });
  }
}
