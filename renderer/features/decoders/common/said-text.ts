import type { SaidRow } from '../../../../electron/contract/protocols/said.ts';
import type { ProtocolLanguage } from '../../../../electron/protocol/schema-format.ts';
import type { Estimate } from './decoder-text.ts';

/** The question without what it says about the form of the answer. */
export function questionOf({ text }: Pick<SaidRow, 'text'>, language: ProtocolLanguage): string {
  const [question] = /^.*?\?/s.exec(text[language]) ?? [text[language]];
  return question;
}

/** An interval that breaks between value and bounds at most. */
export function intervalText(estimate: Estimate | null, number: (value: number) => string): string {
  if (estimate === null || estimate.value === null) return '–';
  const { value, low, high } = estimate;
  return low === null || high === null
    ? number(value)
    : `${number(value)} [${number(low)};\u00A0${number(high)}]`;
}

/** How well the margin of the last layer, which is the answer, ranks the photographs. */
export function lastAnswer(row: Pick<SaidRow, 'answers'>, language: ProtocolLanguage): Estimate | null {
  return row.answers.find((each) => each.language === language)?.points.at(-1)?.score ?? null;
}
