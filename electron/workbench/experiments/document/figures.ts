import type { ConditionResult, ExperimentResults } from '../../../contract/experiments.ts';
import { documentWords, fill } from './document-words.ts';
import { drawLines } from './line-drawing.ts';

export interface ExperimentFigure {
  /** Index into the results' conditions. */
  readonly condition: number;
  /** File name without an ending. */
  readonly name: string;
  readonly svg: string;
}

/** Every figure of the results, as pictures by themselves. */
export function drawFigures({ conditions }: ExperimentResults, language: 'en' | 'ru'): ExperimentFigure[] {
  return conditions.flatMap((condition, index) =>
    (condition.lens === 'raw' ? drawRanks(condition, language) : drawConcepts(condition, language)).map(
      ({ name, svg }) => ({ condition: index, name: `${index + 1}-${name}`, svg }),
    ),
  );
}

/** A token so that blanks in it are seen. */
export function showToken(text: string): string {
  return text.replaceAll(' ', '·').replaceAll('\n', '↵');
}

function drawRanks({ ranks, layers, photographs }: ConditionResult, language: 'en' | 'ru') {
  const words = documentWords[language];
  const series = ranks.map(({ rank, label, labelled, probability }) => ({
    name: fill(words.rank, { rank, label: showToken(label), labelled, n: photographs }),
    values: probability,
  }));
  const svg = drawLines({
    ...{ title: words.ranks, horizontal: words.layer, vertical: words.probability, layers, series },
    range: [0, 1],
  });
  return [{ name: 'notebook', svg }];
}

function drawConcepts({ concepts, layers }: ConditionResult, language: 'en' | 'ru') {
  const words = documentWords[language];
  const axis = { horizontal: words.layer, layers };
  const shown = concepts.flatMap(({ curves, ...concept }) =>
    curves === null ? [] : [{ ...concept, curves }],
  );
  const emerged = shown.flatMap(({ label, emergence }) =>
    emergence === null
      ? []
      : [
          {
            name: `${label[language]} (${words.neverValue}: ${Math.round(100 * emergence.never)} %)`,
            values: emergence.cumulative,
          },
        ],
  );
  return [
    ...(emerged.length === 0
      ? []
      : [
          {
            name: 'emergence',
            svg: drawLines({
              ...axis,
              title: words.emergence,
              vertical: words.share,
              series: emerged,
              range: [0, 1],
            }),
          },
        ]),
    ...shown.map(({ id, label, curves: { photographs, controls, patients } }) => ({
      name: id,
      svg: drawLines({
        ...axis,
        title: fill(words.curve, { concept: label[language] }),
        vertical: words.nats,
        series: [
          {
            name: fill(words.photographsSeries, { n: patients }),
            values: photographs.mean,
            band: photographs,
          },
          ...(controls === null ? [] : [{ name: words.controlsSeries, values: controls, dashed: true }]),
        ],
      }),
    })),
  ];
}
