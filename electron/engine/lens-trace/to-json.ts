import { listVerdict } from '../readability/verdict.ts';
import type { LensTrace, LensTraceJson } from './lens-trace.ts';
import { readVerdict } from './read-verdict.ts';

/** The trace as nested arrays, for JSON; float32 values keep their full precision. */
export function lensTraceToJson(trace: LensTrace): LensTraceJson {
  const numLayers = trace.layers.length;
  const numPositions = trace.positions.length;
  const nest = (flat: ArrayLike<number>) => nestRows(flat, numLayers, numPositions);
  const nestTop = <T>(flat: ArrayLike<number>, map: (value: number) => T) =>
    nestRows(flat, numLayers * numPositions, trace.topK).reduce<T[][][]>((layers, row, index) => {
      if (index % numPositions === 0) layers.push([]);
      layers.at(-1)!.push(row.map(map));
      return layers;
    }, []);
  const { cells, concepts, tokenTexts } = trace;
  return {
    schema: trace.schema,
    model: trace.model,
    image: trace.image,
    prompt: trace.prompt,
    lens: trace.lens,
    ...(trace.fittedLens === undefined ? {} : { fittedLens: trace.fittedLens }),
    positions: [...trace.positions],
    layers: [...trace.layers],
    cells: {
      topIds: nestTop(cells.topIds, (id) => id),
      topTexts: nestTop(cells.topIds, (id) => tokenTexts[id] ?? ''),
      topLogProbs: nestTop(cells.topLogProbs, (value) => value),
      entropy: nest(cells.entropy),
      klToFinal: nest(cells.klToFinal),
      residualNorm: nest(cells.residualNorm),
    },
    concepts: concepts.map(
      ({ id, label, role, tokens, logProb, rank, parent, words, finding, emergence }) => ({
        id,
        label,
        role,
        tokens: [...tokens],
        logProb: nest(logProb),
        rank: nest(rank),
        ...(parent === undefined ? {} : { parent }),
        ...(words === undefined
          ? {}
          : { words: { ...words, logProb: [...words.logProb], logOdds: [...words.logOdds] } }),
        ...(finding === undefined ? {} : { finding }),
        emergence,
      }),
    ),
    ...writeVerdict(trace),
    controls: [...trace.controls],
    generated: trace.generated,
    gate: trace.gate,
    timings: trace.timings,
    software: trace.software,
    warnings: [...trace.warnings],
  };
}

function writeVerdict(trace: LensTrace): Pick<LensTraceJson, 'verdict'> {
  const english = readVerdict(trace, 'en');
  const russian = readVerdict(trace, 'ru');
  if (english === null || russian === null) return {};
  return { verdict: { en: listVerdict(english), ru: listVerdict(russian) } };
}

function nestRows(flat: ArrayLike<number>, rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => flat[row * columns + column]!),
  );
}
