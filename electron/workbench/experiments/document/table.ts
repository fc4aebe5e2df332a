import type { StoredExperiment } from '../../../store/experiments/experiments.ts';
import type { Library } from '../../../store/library/library.ts';
import { columnsOf } from '../../exports/tables/table.ts';
import type { CellValue, Table } from '../../exports/tables/table.ts';
import { conditionsOf, findCells } from '../plan/cells.ts';
import { readDigest } from '../results/digest.ts';
import { planOf } from '../plan/plan.ts';

/** A row for each photograph, condition, concept and layer: everything that the statistics were computed from. */
export function experimentTable(library: Library, stored: StoredExperiment): Table {
  return {
    columns: columnsOf(
      ...(['image_sha256:text', 'file_name:text', 'patient_code:text', 'laterality:text'] as const),
      ...(['trace_id:whole', 'model_sha256:text', 'prompt:text', 'lens:text', 'concept:text'] as const),
      ...(['state:text', 'emergence_layer:whole', 'layer:whole', 'log_odds_nats:real'] as const),
      ...(['highest_control_log_odds_nats:real', 'leading_token:text', 'leading_probability:real'] as const),
    ),
    rows: listRows(library, stored),
  };
}

function* listRows(library: Library, stored: StoredExperiment): Generator<CellValue[]> {
  const conditions = conditionsOf(planOf(stored));
  for (const { photograph, condition, traceId } of findCells(library, stored)) {
    if (traceId === null) continue;
    const image = library.images.findBySha256(photograph);
    const patientId = image?.patientId ?? null;
    const { modelSha256, prompt, lens } = conditions[condition]!;
    const { layers, tokens, concepts } = readDigest(library, traceId);
    const subject = [
      ...[
        photograph,
        image?.fileName ?? null,
        patientId === null ? null : library.patients.get(patientId).code,
      ],
      ...[image?.laterality ?? null, traceId, modelSha256, prompt, lens],
    ];
    for (const { id, state, layer: emerged, logOdds, controls } of concepts) {
      for (const [index, layer] of layers.entries()) {
        const { text, probability } = tokens[index]![0]!;
        const values = [logOdds?.[index] ?? null, controls?.[index] ?? null, text, probability];
        yield [...subject, id, state, emerged, layer, ...values];
      }
    }
  }
}
