import { z } from 'zod';
import { ProtocolError } from './protocol-error.ts';
import { valueOf, type Protocol } from './protocol.ts';
import { valueSetOf, type ProtocolSchema } from './schema.ts';

const questionsFormat = 'fundus-lens.protocol-questions/1';

const polaritySchema = z.strictObject({
  /** "Yes" says that the finding is there. */
  positive: z.string().min(1),
  /** "Yes" says that it is not there. */
  negative: z.string().min(1),
});
const conditionSchema = z.strictObject({ field: z.string(), values: z.array(z.string()).min(1) });
const answersSchema = z.strictObject({
  /** Forms of the word, the form that the bundled model was trained on first. */
  yes: z.array(z.string().min(1)).min(1),
  no: z.array(z.string().min(1)).min(1),
});

const questionSchema = z.strictObject({
  id: z.string(),
  text: z.strictObject({ en: polaritySchema, ru: polaritySchema }),
  /** The finding is there when any of these holds. */
  positive: z.array(conditionSchema).min(1),
  /** It is not there when all of these hold. */
  negative: z.array(conditionSchema).min(1),
});

const questionsSchema = z.strictObject({
  schema: z.literal(questionsFormat),
  protocol: z.string(),
  version: z.int().positive(),
  answers: z.strictObject({ en: answersSchema, ru: answersSchema }),
  questions: z.array(questionSchema).min(1),
});

/** Yes/no questions by which a model says what it sees, each tied to fields of the protocol. */
export type ProtocolQuestions = z.infer<typeof questionsSchema>;
export type ProtocolQuestion = ProtocolQuestions['questions'][number];

/**
 * Reads a file of questions that was imported as JSON.
 *
 * @throws ProtocolError when it is none, or asks for fields or values that the protocol does not have
 */
export function readQuestions(schema: ProtocolSchema, json: unknown): ProtocolQuestions {
  const parsed = questionsSchema.safeParse(json);
  const fault = parsed.success ? findFault(schema, parsed.data) : z.prettifyError(parsed.error);
  if (parsed.success && fault === null) return parsed.data;
  throw new ProtocolError('The file holds no questions for this protocol.', {
    expected: `"${questionsFormat}" for the protocol "${schema.id}"`,
    found: fault ?? '',
  });
}

function findFault(schema: ProtocolSchema, { protocol, questions }: ProtocolQuestions): string | null {
  if (protocol !== schema.id) return `questions for "${protocol}"`;
  const ids = questions.map(({ id }) => id);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) return `${twice} occurs twice`;
  for (const { id, positive, negative } of questions) {
    for (const { field, values } of [...positive, ...negative]) {
      const known = schema.fields.get(field);
      const codes = known && valueSetOf(schema, known)?.values.map(({ code }) => code);
      const missing = values.find((value) => !codes?.includes(value));
      if (missing !== undefined) return `${id}: ${field} cannot be ${missing}`;
    }
  }
  return null;
}

/**
 * Says what a protocol answers to a question: true when the finding is there, false when it is not, null when the protocol
 * leaves it open.
 */
export function truthOf(question: ProtocolQuestion, protocol: Pick<Protocol, 'values'>): boolean | null {
  const holds = ({ field, values }: { field: string; values: readonly string[] }) =>
    values.includes(String(valueOf(protocol, field)));
  if (question.positive.some(holds)) return true;
  return question.negative.every(holds) ? false : null;
}
