import { z } from 'zod';
import { protocolLanguages } from '../../protocol/schema-format.ts';
import { estimateSchema } from './decoder-report.ts';
import { count } from '../ids.ts';

/** Yes/no questions by which a model says what it sees, beside what can be read inside it. */
export const saidVerdicts = [
  'encoded-and-said',
  'encoded-not-said',
  'said-not-encoded',
  'neither',
  'not-measured',
] as const;

export const saidRowSchema = z.object({
  /** Of resources/protocols/questions.json. */
  question: z.string(),
  /** The positive question, in both languages. */
  text: z.object({ en: z.string(), ru: z.string() }),
  images: count,
  positives: count,
  prevalence: z.number().nullable(),
  /** AUROC of the probe by layer (`image-mean`), each with left-out patients; 0 is the vision tower's output. */
  probe: z.array(z.object({ layer: count, score: estimateSchema, shuffled: estimateSchema })),
  pixels: estimateSchema.nullable(),
  /** The decoder's own choice, scored with layer and penalty chosen by other patients; null without such a field. */
  chosen: z
    .object({ set: z.string(), layer: count, score: estimateSchema, shuffled: estimateSchema })
    .nullable(),
  /** AUROC of the answer margin yes − no by layer, averaged over polarities; both languages. */
  answers: z.array(
    z.object({
      language: z.enum(protocolLanguages),
      points: z.array(z.object({ layer: count, score: estimateSchema })),
      /** Share of images for which the last layer's margin has the right sign, both polarities. */
      right: z.number().nullable(),
    }),
  ),
  verdict: z.enum(saidVerdicts),
});

export const saidTableSchema = z.object({
  images: count,
  /** Images of the choice without answers yet, or without features. */
  missing: count,
  rows: z.array(saidRowSchema),
});

/** `unclear`: the languages contradict each other. */
export const saidAnswers = ['yes', 'no', 'unclear'] as const;

/** What the model answers about one image to one question. */
export const imageAnswerSchema = z.object({
  question: z.string(),
  text: z.object({ en: z.string(), ru: z.string() }),
  /** The field of the protocol, or the `derived.` one, that says the same. */
  field: z.string(),
  /** Values of that field which mean yes, and which mean no; for most questions there is one of no. */
  yes: z.array(z.string()),
  no: z.array(z.string()),
  says: z.enum(saidAnswers),
  /** Margin of "it is there" over "it is not" by layer, nats; the last one is the answer. */
  margins: z.array(z.object({ language: z.enum(protocolLanguages), points: z.array(z.number()) })),
});

export type SaidTable = z.infer<typeof saidTableSchema>;
export type SaidRow = z.infer<typeof saidRowSchema>;
export type ImageAnswer = z.infer<typeof imageAnswerSchema>;
