import { randomUUID } from 'node:crypto';
import { FundusLensError } from '../../contract/errors.ts';
import type { ExportResult } from '../../contract/exports.ts';
import type { ProtocolExport, StoredProtocol } from '../../contract/protocols/protocols.ts';
import { toFhirBundle } from '../../protocol/export/fhir.ts';
import type { FhirBundle } from '../../protocol/export/fhir-format.ts';
import { protocolColumns, toProtocolJson, toTableRow } from '../../protocol/export/protocol-table.ts';
import { isNumeric } from '../../protocol/schema.ts';
import type { ProtocolLanguage } from '../../protocol/schema-format.ts';
import type { Library } from '../../store/library/library.ts';
import { toCsv } from '../exports/tables/csv.ts';
import { deliver } from '../exports/deliver.ts';
import type { Column } from '../exports/tables/table.ts';
import { fundusSchema } from './protocol-form.ts';
import { openProtocol } from './stored-protocols.ts';

/**
 * Writes protocols as JSON, as a FHIR R4 bundle, or as a table.
 *
 * @throws FundusLensError `input.invalid` when there is nothing to write, `protocol.invalid`, `output.unwritable`
 */
export function exportProtocols(
  library: Library,
  { which, format, language, target }: ProtocolExport,
): Promise<ExportResult> {
  const stored = choose(library, which).map((id) => openProtocol(library, id));
  if (stored.length === 0) {
    throw new FundusLensError('input.invalid', 'There is no protocol to export.', {
      expected: 'an image with a protocol',
      advice: 'Describe an image first, or choose another group or observer.',
    });
  }
  switch (format) {
    case 'json':
      return deliver(target, 'protocol.json', 'application/json', toJson(stored));
    case 'fhir': {
      const bundle = `${JSON.stringify(toBundle(library, stored, language), null, 2)}\n`;
      return deliver(target, 'protocol.fhir.json', 'application/fhir+json', bundle);
    }
    case 'csv': {
      const columns = protocolColumns(fundusSchema).map(toColumn);
      const rows = stored.map(({ protocol }) => toTableRow(fundusSchema, protocol));
      return deliver(target, 'protocols.csv', 'text/csv', toCsv({ columns, rows }));
    }
  }
}

function choose(library: Library, which: ProtocolExport['which']): readonly number[] {
  if ('ids' in which) return which.ids;
  library.groups.get(which.groupId);
  return library.protocols
    .ofGroup(which.groupId)
    .filter(({ observer }) => which.observer === undefined || observer === which.observer)
    .map(({ id }) => id);
}

function toJson(stored: readonly StoredProtocol[]): string {
  const files = stored.map(({ protocol }) => toProtocolJson(fundusSchema, protocol));
  return files.length === 1 ? files[0]! : `[\n${files.map((file) => file.trimEnd()).join(',\n')}\n]\n`;
}

/** Observations of all protocols in one bundle. Nobody signs here, so that every one of them is preliminary. */
function toBundle(
  library: Library,
  stored: readonly StoredProtocol[],
  language: ProtocolLanguage,
): FhirBundle {
  const timestamp = new Date().toISOString();
  const bundles = stored.map(({ version, protocol }) => {
    const { patientId, capturedAt } = library.images.get(version.imageId);
    return toFhirBundle(fundusSchema, protocol, {
      timestamp,
      capturedAt: toFhirDate(capturedAt),
      patient: patientId === null ? null : library.patients.get(patientId).code,
      isFinal: false,
      language,
      newUuid: randomUUID,
    });
  });
  return { ...bundles[0]!, entry: bundles.flatMap(({ entry }) => entry) };
}

/** FHIR wants an offset beside every time of day, which a camera does not write; the day alone is certain. */
function toFhirDate(capturedAt: string | null): string | null {
  return capturedAt === null || /T.*(?:Z|[+-]\d\d:\d\d)$/.test(capturedAt)
    ? capturedAt
    : capturedAt.slice(0, 10);
}

function toColumn(name: string): Column {
  const field = fundusSchema.fields.get(name);
  const isNumber = name.endsWith(':certainty') || (field !== undefined && isNumeric(field));
  return { name, type: isNumber ? 'real' : 'text' };
}
