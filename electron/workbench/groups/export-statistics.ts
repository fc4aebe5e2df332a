import type { ExportResult, ExportTarget } from '../../contract/exports.ts';
import type { EmergenceOfGroup, GroupStatistics } from '../../contract/images/groups.ts';
import { deliver } from '../exports/deliver.ts';
import { toCsv } from '../exports/tables/csv.ts';
import type { CellValue, Column } from '../exports/tables/table.ts';

/** Writes what a group's traces say: JSON whole, CSV a row a concept. */
export function exportStatistics(
  statistics: GroupStatistics,
  format: 'csv' | 'json',
  target: ExportTarget,
): Promise<ExportResult> {
  if (format === 'json') {
    const text = `${JSON.stringify(statistics, null, 2)}\n`;
    return deliver(target, 'group-statistics.json', 'application/json', text);
  }
  const { concepts, group, control, reading, samples, method } = statistics;
  const rows = concepts.map((concept): CellValue[] => [
    concept.conceptId,
    ...describe(concept.group),
    ...(control === null ? [] : describe(concept.control)),
    concept.lastLayer.mean,
    ...(control === null
      ? []
      : [concept.lastLayer.control, concept.lastLayer.difference, concept.lastLayer.correctedPValue]),
    ...[group.patientCount, control?.patientCount ?? null],
    ...[reading, samples, method],
  ]);
  const columns: Column[] = [
    { name: 'concept', type: 'text' },
    ...columnsOf('group'),
    ...(control === null ? [] : columnsOf('control')),
    { name: 'last_layer_log_prob', type: 'real' },
    ...(control === null
      ? []
      : ['control_last_layer_log_prob', 'difference', 'p_max_t'].map((name): Column => ({
          name,
          type: 'real',
        }))),
    { name: 'group_patients', type: 'whole' },
    { name: 'control_patients', type: 'whole' },
    { name: 'reading', type: 'text' },
    { name: 'samples', type: 'whole' },
    { name: 'method', type: 'text' },
  ];
  return deliver(target, 'group-statistics.csv', 'text/csv', toCsv({ columns, rows }));
}

/** Empty layers stand for never where images were counted, and for not asked where none was. */
const columnsOf = (side: string): Column[] => [
  { name: `${side}_images`, type: 'whole' },
  ...['layer', 'layer_lower', 'layer_upper'].map((name): Column => ({
    name: `${side}_${name}`,
    type: 'whole',
  })),
  ...['never', 'never_lower', 'never_upper'].map((name): Column => ({
    name: `${side}_${name}`,
    type: 'real',
  })),
  { name: `${side}_cumulative`, type: 'text' },
];

function describe(emergence: EmergenceOfGroup | null): CellValue[] {
  if (emergence === null) return [0, null, null, null, null, null, null, null];
  const { imageCount, layer, layerInterval, never, neverInterval, cumulative } = emergence;
  const shares = cumulative.map((share) => share.toFixed(4)).join(' ');
  return [imageCount, layer, ...layerInterval, never, ...neverInterval, shares];
}
