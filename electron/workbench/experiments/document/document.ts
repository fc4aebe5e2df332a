import type { ConceptResult, ConditionResult, ExperimentResults } from '../../../contract/experiments.ts';
import type { ReportTable } from '../../exports/reports/report-section.ts';
import { documentWords, fill } from './document-words.ts';
import type { DocumentWords } from './document-words.ts';
import { drawFigures, showToken } from './figures.ts';
import { nameCondition } from '../results/sentences.ts';

/** A heading with what stands under it, in this order. */
export interface DocumentSection {
  readonly title: string;
  readonly paragraphs: readonly string[];
  /** SVG. */
  readonly figures: readonly string[];
  readonly tables: readonly ReportTable[];
}

export interface ExperimentDocument {
  readonly title: string;
  readonly question: string;
  readonly notice: string;
  readonly language: 'en' | 'ru';
  readonly verdictTitle: string;
  readonly verdict: readonly string[];
  readonly sections: readonly DocumentSection[];
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly factsTitle: string;
}

/** The results as one document; page and PDF are the same in another form. */
export function composeDocument(results: ExperimentResults, language: 'en' | 'ru'): ExperimentDocument {
  const words = documentWords[language];
  const { experiment, verdict, difference, conditions, said, methods } = results;
  const { done, total, state } = experiment.progress;
  const figures = drawFigures(results, language);
  const plain = { figures: [], tables: [] };
  return {
    ...{ title: experiment.title, question: experiment.question, notice: words.notice, language },
    verdictTitle: words.verdict,
    verdict: [...(state === 'done' ? [] : [fill(words.incomplete, { done, total })]), ...verdict[language]],
    sections: [
      ...(difference === null
        ? []
        : [{ ...plain, title: words.difference, paragraphs: [difference[language]] }]),
      ...conditions.map((condition, index) => ({
        title: nameCondition(condition, language),
        paragraphs: condition.lens === 'raw' ? [words.ranksNote] : [],
        figures: figures.filter((figure) => figure.condition === index).map(({ svg }) => svg),
        tables: [
          ...(condition.lens === 'raw' ? [] : [conceptTable(condition, language, words)]),
          leadingTable(condition, words),
        ],
      })),
      ...said.map(({ decoder, rows }) => ({
        ...plain,
        title: fill(words.said, { decoder }),
        paragraphs: [words.saidNote],
        tables: [saidTable(rows, language, words)],
      })),
      {
        ...plain,
        title: words.photographs,
        paragraphs: [],
        tables: [photographTable(results, language, words)],
      },
      { ...plain, title: words.methods, paragraphs: methods[language] },
    ],
    factsTitle: words.provenance,
    facts: listFacts(results, words),
  };
}

function conceptTable(
  { concepts }: ConditionResult,
  language: 'en' | 'ru',
  words: DocumentWords,
): ReportTable {
  const told = concepts.filter(({ readable, curves }) => readable > 0 || curves !== null);
  const order = (a: ConceptResult, b: ConceptResult) => b.readable - a.readable;
  const head = [words.concept, words.readable, words.fromLayer, words.interval, words.never, words.notAsked];
  return {
    title: words.concepts,
    note: words.conceptsNote,
    head: [...head, words.leastP],
    rows: told.toSorted(order).map((concept) => {
      const { label, readable, never, notAsked, notIdentifiable, emergence, curves } = concept;
      const p = curves?.correctedP;
      return [
        label[language],
        `${readable} / ${readable + never}`,
        emergence === null ? '' : String(emergence.layer ?? words.neverValue),
        emergence === null ? '' : emergence.interval.map((layer) => layer ?? words.neverValue).join(' – '),
        emergence === null ? '' : percents([emergence.never, ...emergence.neverInterval]),
        String(notAsked + notIdentifiable),
        p == null ? '' : Math.min(...p).toPrecision(2),
      ];
    }),
  };
}

/** A share with its interval, per cent. */
function percents([share, low, high]: readonly number[]): string {
  const [a, b, c] = [share!, low!, high!].map((value) => Math.round(100 * value));
  return `${a} % (${b} – ${c})`;
}

function leadingTable({ leading, photographs }: ConditionResult, words: DocumentWords): ReportTable {
  return {
    title: words.leading,
    note: fill(words.leadingNote, { n: photographs }),
    head: [words.layer, words.probability, words.tokens],
    rows: leading.map(({ layer, meanProbability, tokens }) => [
      String(layer),
      meanProbability.toPrecision(2),
      tokens.map((token) => `${showToken(token.text)} (${token.photographs})`).join(', '),
    ]),
  };
}

function saidTable(
  rows: ExperimentResults['said'][number]['rows'],
  language: 'en' | 'ru',
  words: DocumentWords,
): ReportTable {
  const number = (value: number | null) => (value === null ? '' : value.toFixed(2));
  return {
    title: '',
    note: null,
    head: [words.question, words.labelled, words.encoded, words.saidHead, words.saidVerdict],
    rows: rows.map(({ question, images, positives, encoded, said, verdict }) => [
      question[language],
      `${images} (${positives})`,
      number(encoded),
      number(said),
      words.saidVerdicts[verdict] ?? verdict,
    ]),
  };
}

function photographTable(
  { photographs, conditions, subject }: ExperimentResults,
  language: 'en' | 'ru',
  words: DocumentWords,
): ReportTable {
  const many = conditions.length > 1;
  const columns = conditions.flatMap((condition, index) => {
    const number = many ? ` [${index + 1}]` : '';
    const own = [`${words.answer}${number}`];
    if (subject === null || condition.lens === 'raw') return own;
    return [...own, `${fill(words.subject, { subject: subject[language] })}${number}`];
  });
  return {
    title: '',
    note: many
      ? conditions.map((each, index) => `[${index + 1}] ${nameCondition(each, language)}`).join('; ')
      : null,
    head: [words.photograph, words.patient, ...columns],
    rows: photographs.map(({ fileName, patientCode, laterality, cells }) => [
      fileName,
      [patientCode ?? '', words.eyes[laterality] ?? ''].filter((part) => part !== '').join(', '),
      ...cells.flatMap(({ answer, subject: layer, problem, traceId }, index) => {
        const text =
          traceId === null && problem !== null
            ? fill(words.problem, { reason: problem.summary })
            : showToken(answer);
        if (subject === null || conditions[index]!.lens === 'raw') return [text];
        const shown =
          layer === 'never' ? words.neverValue : layer === 'not-asked' ? words.notAsked : String(layer ?? '');
        return [text, shown];
      }),
    ]),
  };
}

function listFacts({ conditions, provenance, experiment }: ExperimentResults, words: DocumentWords) {
  const models = new Map(conditions.map(({ modelName, modelSha256 }) => [modelSha256, modelName]));
  const { planSha256, fixedAt, software, onnxruntime, providers, weightDtypes, rule, conceptSet } =
    provenance;
  return [
    [fill(words.plan, { at: fixedAt.slice(0, 16).replace('T', ' ') }), `SHA-256 ${planSha256}`],
    [words.photographs, String(experiment.photographs)],
    ...[...models].map(([sha256, name]) => [words.model, `${name}, SHA-256 ${sha256}`] as const),
    ...[...new Set(conditions.map(({ prompt }) => prompt))].map((prompt) => [words.prompt, prompt] as const),
    [words.conceptSet, `${conceptSet}, SHA-256 ${provenance.conceptSetSha256}`],
    [words.rule, rule],
    [words.computed, `${providers.join(', ')}, ${weightDtypes.join(', ')}`],
    [words.software, onnxruntime === null ? software : `${software}, ONNX Runtime ${onnxruntime}`],
  ] as const;
}
