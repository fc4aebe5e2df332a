import { isImagePosition } from '../../../engine/lens-trace/image-tokens.ts';
import type { LensTrace } from '../../../engine/lens-trace/lens-trace.ts';
import type { traceExportSchema } from '../../../contract/exports.ts';
import type { z } from 'zod';
import { columnsOf } from './table.ts';
import type { CellValue, Column, Table } from './table.ts';

export interface StoredTrace {
  readonly id: number;
  readonly imageId: number | null;
  readonly trace: LensTrace;
}

type TableName = z.output<typeof traceExportSchema>['table'];

/** What a number must never be parted from. */
const provenanceColumns = columnsOf(
  'trace_id:whole',
  'image_id:whole',
  'image_sha256:text',
  'image_grid:text',
  'model:text',
  'model_sha256:text',
  'weight_dtype:text',
  'weights_top1_agreement:real',
  'weights_worst_layer_top1:real',
  'provider:text',
  'provider_fallback:text',
  'device:text',
  'device_memory_used_bytes:whole',
  'prompt:text',
  'lens:text',
  'software:text',
);

/** One row per layer, position and kept token; per layer, position and concept; or per trace and concept. */
export function traceTable(name: TableName, traces: Iterable<StoredTrace>): Table {
  const [columns, rowsOf] = tables[name];
  return { columns: [...provenanceColumns, ...columns], rows: collect(traces, rowsOf) };
}

type RowsOf = (trace: LensTrace) => Iterable<readonly CellValue[]>;

const tables: Readonly<Record<TableName, readonly [columns: Column[], rowsOf: RowsOf]>> = {
  cells: [
    columnsOf(
      'layer:whole',
      'position:whole',
      'is_image_token:flag',
      'rank:whole',
      'token_id:whole',
      'token:text',
      'log_prob:real',
      'entropy:real',
      'kl_to_final:real',
      'residual_norm:real',
    ),
    readCells,
  ],
  concepts: [
    columnsOf(
      'layer:whole',
      'position:whole',
      'is_image_token:flag',
      'concept:text',
      'role:text',
      'log_prob:real',
      'rank:whole',
    ),
    readConcepts,
  ],
  summary: [
    columnsOf(
      'concept:text',
      'role:text',
      'emergence_layer:whole',
      'emergence_max_rank:whole',
      'controlled:flag',
      'final_rank:whole',
      'final_log_prob:real',
      'num_layers:whole',
      'position:whole',
      'generated_text:text',
      'gate_max_abs_diff:real',
    ),
    readSummary,
  ],
};

function* collect(traces: Iterable<StoredTrace>, rowsOf: RowsOf): Generator<readonly CellValue[]> {
  for (const { id, imageId, trace } of traces) {
    const { image, model, prompt, lens, software } = trace;
    const provenance = [
      id,
      imageId,
      image?.sha256 ?? null,
      image === null ? null : image.grid.join('×'),
      model.id,
      model.sha256,
      model.weightDtype,
      model.fidelity?.top1Agreement ?? null,
      model.fidelity?.worstLayerTop1Agreement ?? null,
      model.provider,
      model.providerFallback,
      model.device ?? null,
      model.deviceMemoryUsedBytes ?? null,
      prompt.text,
      lens,
      `${software.name} ${software.version}`,
    ];
    for (const row of rowsOf(trace)) yield [...provenance, ...row];
  }
}

function* readCells(trace: LensTrace): Generator<readonly CellValue[]> {
  const { cells, topK, tokenTexts } = trace;
  for (const { cell, place } of eachCell(trace)) {
    for (let k = 0; k < topK; k++) {
      const tokenId = cells.topIds[cell * topK + k]!;
      yield [
        ...place,
        k + 1,
        tokenId,
        tokenTexts[tokenId] ?? null,
        cells.topLogProbs[cell * topK + k]!,
        cells.entropy[cell]!,
        cells.klToFinal[cell]!,
        cells.residualNorm[cell]!,
      ];
    }
  }
}

function* readConcepts(trace: LensTrace): Generator<readonly CellValue[]> {
  for (const { cell, place } of eachCell(trace)) {
    for (const { id, role, logProb, rank } of trace.concepts) {
      yield [...place, id, role, logProb[cell]!, rank[cell]!];
    }
  }
}

function* readSummary(trace: LensTrace): Generator<readonly CellValue[]> {
  const numPositions = trace.positions.length;
  const last = trace.layers.length * numPositions - 1;
  for (const { id, role, emergence, rank, logProb } of trace.concepts) {
    yield [
      id,
      role,
      emergence.layers.at(-1) ?? null,
      emergence.maxRank,
      emergence.controlLogOdds !== null,
      rank[last] ?? null,
      logProb[last] ?? null,
      trace.layers.length,
      trace.positions.at(-1) ?? null,
      trace.generated.text,
      trace.gate.maxAbsDiff,
    ];
  }
}

function* eachCell({ layers, positions, prompt }: LensTrace) {
  for (const [row, layer] of layers.entries()) {
    for (const [column, position] of positions.entries()) {
      const place = [layer, position, isImagePosition(prompt, position)] as const;
      yield { cell: row * positions.length + column, place };
    }
  }
}
