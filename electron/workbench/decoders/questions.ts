import questionsFile from '../../../resources/protocols/questions.json' with { type: 'json' };
import { FundusLensError } from '../../contract/errors.ts';
import { readQuestions, type ProtocolQuestion } from '../../protocol/questions.ts';
import { protocolLanguages, type ProtocolLanguage } from '../../protocol/schema-format.ts';
import type { AskedQuestion } from '../../store/decoders/taps.ts';
import { fundusSchema } from '../protocols/protocol-form.ts';

/** The protocol's yes/no questions. */
export const fundusQuestions = readQuestions(fundusSchema, questionsFile);

/** @throws FundusLensError `input.invalid` when there is no such question */
export function findQuestion(id: string): ProtocolQuestion {
  const question = fundusQuestions.questions.find((each) => each.id === id);
  if (question !== undefined) return question;
  throw new FundusLensError('input.invalid', 'There is no such question.', {
    expected: fundusQuestions.questions.map((each) => each.id).join(', '),
    found: id,
  });
}

/** A question in both languages and both polarities. */
export function waysToAsk(id: string): (AskedQuestion & { readonly language: ProtocolLanguage })[] {
  const { text } = findQuestion(id);
  return protocolLanguages.flatMap((language) =>
    (['positive', 'negative'] as const).map((polarity) => ({
      question: id,
      language,
      polarity,
      prompt: text[language][polarity],
    })),
  );
}
