import type { DecodedTable } from '../../contract/protocols/decoded.ts';
import type { ExportResult, ExportTarget } from '../../contract/exports.ts';
import { toCsv } from '../exports/tables/csv.ts';
import { deliver } from '../exports/deliver.ts';
import type { CellValue, Column } from '../exports/tables/table.ts';

/** Writes what was decoded: a row an image; for each field its value, certainty and status. */
export function exportDecoded(
  { layer, rows, missing }: DecodedTable,
  format: 'csv' | 'json',
  target: ExportTarget,
): Promise<ExportResult> {
  if (format === 'json') {
    return deliver(
      target,
      'decoded.json',
      'application/json',
      `${JSON.stringify({ layer, rows, missing }, null, 2)}\n`,
    );
  }
  const fields = [...new Set(rows.flatMap((row) => row.fields.map(({ field }) => field)))];
  const columns: Column[] = [
    { name: 'image_id', type: 'whole' },
    { name: 'file_name', type: 'text' },
    { name: 'patient_code', type: 'text' },
    { name: 'in_training', type: 'flag' },
    { name: 'layer', type: 'text' },
    ...fields.flatMap((field): Column[] => {
      const name = field.replaceAll(/[.-]/g, '_');
      return [
        { name, type: 'text' },
        { name: `${name}_certainty`, type: 'real' },
        { name: `${name}_status`, type: 'text' },
      ];
    }),
  ];
  const cells = rows.map((row): CellValue[] => {
    const byField = new Map(row.fields.map((each) => [each.field, each]));
    return [
      row.imageId,
      row.fileName,
      row.patientCode,
      row.inTraining,
      layer === null ? 'chosen' : String(layer),
      ...fields.flatMap((id): CellValue[] => {
        const field = byField.get(id);
        return [field?.value ?? null, field?.certainty ?? null, field?.status ?? null];
      }),
    ];
  });
  return deliver(target, 'decoded.csv', 'text/csv', toCsv({ columns, rows: cells }));
}
