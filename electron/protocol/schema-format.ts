import { z } from 'zod';

/** The form of `resources/protocols/*.json` that this software reads. */
export const schemaFormat = 'fundus-lens.protocol-schema/1';

export const protocolLanguages = ['en', 'ru'] as const;
export type ProtocolLanguage = (typeof protocolLanguages)[number];

/** Kinds whose values are codes of a value set. */
export const codedKinds = ['choice', 'ordinal', 'count', 'sector'] as const;
/** Kinds whose values are numbers. */
export const numericKinds = ['number', 'ratio', 'area', 'length', 'distance'] as const;
/** Kinds whose values are text: free, or of a given pattern. */
export const textKinds = ['text', 'code'] as const;

const bothLanguages = <T extends z.ZodType>(inner: T) => z.strictObject({ en: inner, ru: inner });
const eitherLanguage = <T extends z.ZodType>(inner: T) =>
  z.strictObject({ en: inner.optional(), ru: inner.optional() });
const titleSchema = bothLanguages(z.string());

const codeSchema = z.strictObject({
  /** Key in `codeSystems`, where the source of the code is named. */
  system: z.string(),
  code: z.string(),
  display: z.string(),
  /** `body-site` for a structure; otherwise the code names the field or value itself. */
  use: z.literal('body-site').optional(),
  /** The code means less than the field does; such a code is not exported. */
  relation: z.literal('narrower').optional(),
  /** The code holds only where another field has this value, such as the left eye. */
  when: z.strictObject({ field: z.string(), value: z.string() }).optional(),
});
export type ProtocolCode = z.infer<typeof codeSchema>;

const valueSetSchema = z.strictObject({
  /** Codes from least to most, where they have an order; a code outside it cannot be ranked. */
  ordered: z.array(z.string()).optional(),
  /** The code for "there is some", where nobody said how much. */
  unquantified: z.string().optional(),
  values: z.array(
    z.strictObject({ code: z.string(), title: titleSchema, codes: z.array(codeSchema).optional() }),
  ),
});

/** A noun phrase: gender or number decides what agrees with it; `gen` is the genitive. */
const nounSchema = z.strictObject({
  nom: z.string(),
  gen: z.string().optional(),
  agr: z.enum(['m', 'f', 'n', 'pl']),
});
export type Noun = z.infer<typeof nounSchema>;

const fieldTextSchema = z.strictObject({
  /** Phrase for each code. */
  values: z.record(z.string(), z.string()).optional(),
  /** Phrase around a number or a text, with `{value}`. */
  value: z.string().optional(),
  /** What an empty text says: nothing found. */
  empty: z.string().optional(),
  /** How the details of the field follow it, with `{list}`. */
  details: z.string().optional(),
  /** The phrase can follow the head of its sentence without a colon. */
  predicate: z.boolean().optional(),
});

const measureSchema = z.discriminatedUnion('of', [
  z.strictObject({
    of: z.literal('disc'),
    what: z.enum([
      'circumference',
      'circumference-percent',
      'circumference-mm',
      'area',
      'area-percent',
      'area-mm',
    ]),
  }),
  z.strictObject({ of: z.literal('cup-disc'), what: z.literal('vertical-ratio') }),
  z.strictObject({ of: z.literal('rim'), what: z.enum(['inferior', 'superior', 'nasal', 'temporal']) }),
  z.strictObject({
    of: z.literal('lesion'),
    lesion: z.string(),
    what: z.enum(['area-percent', 'fovea-distance']),
  }),
]);
export type ProtocolMeasure = z.infer<typeof measureSchema>;

const fieldSchema = z.strictObject({
  /** `group.key` */
  id: z.string().regex(/^[a-z-]+\.[a-z0-9-]+$/),
  kind: z.enum([...codedKinds, ...numericKinds, ...textKinds]),
  title: titleSchema,
  /** The field as a noun, for what was not assessed. */
  name: bothLanguages(nounSchema),
  valueSet: z.string().optional(),
  limits: z.strictObject({ min: z.number(), max: z.number() }).optional(),
  decimals: z.int().min(0).max(6).optional(),
  /** Numbers that are written in another way: 2:3 for 0.67. */
  written: z.record(z.string(), z.number()).optional(),
  unit: z.strictObject({ title: titleSchema, ucum: z.string().optional() }).optional(),
  /** Regular expression that a text must match as a whole. */
  pattern: z.string().optional(),
  example: z.string().optional(),
  /** System that the text itself is a code of. */
  codeSystem: z.string().optional(),
  /** Values that are normal; the first is what "everything normal" enters. */
  normal: z.array(z.string()).min(1).optional(),
  normalRange: z.strictObject({ min: z.number().optional(), max: z.number().optional() }).optional(),
  /** A detail: it applies only where the field it belongs to has one of these values. */
  when: z.strictObject({ field: z.string(), values: z.array(z.string()).min(1) }).optional(),
  measure: measureSchema.optional(),
  /** Nothing is said where the field is empty: an index entry or an addition, not something to be assessed. */
  silent: z.boolean().optional(),
  codes: z.array(codeSchema).optional(),
  text: eitherLanguage(fieldTextSchema).optional(),
});

const joinTextSchema = z.strictObject({
  items: z.record(z.string(), nounSchema),
  /** For each code, the phrase around the list of fields that have it. */
  frames: z.record(z.string(), z.string()),
  /** The phrase when every field of the join has the value. */
  all: z.record(z.string(), z.string()).optional(),
});

const groupSchema = z.strictObject({
  id: z.string().regex(/^[a-z-]+$/),
  title: titleSchema,
  name: bothLanguages(nounSchema),
  /** First words of the group's sentence; empty for a sentence without a head. */
  heads: titleSchema,
  /** A sentence of its own where nothing in the group was assessed. */
  unassessed: titleSchema.optional(),
  codes: z.array(codeSchema).optional(),
  fields: z.array(fieldSchema).min(1),
  /** Fields whose equal values are said in one phrase. */
  joins: z
    .array(
      z.strictObject({
        id: z.string(),
        fields: z.array(z.string()).min(2),
        text: bothLanguages(joinTextSchema),
      }),
    )
    .optional(),
  /** Fields that are named together where they were not assessed. */
  collections: z
    .array(
      z.strictObject({
        fields: z.array(z.string()).min(1),
        whole: bothLanguages(nounSchema),
        rest: bothLanguages(nounSchema),
      }),
    )
    .optional(),
});

const languageSchema = z.strictObject({
  decimal: z.string(),
  and: z.string(),
  or: z.string(),
  notAssessed: z.string(),
  rest: z.string(),
  /** With more unassessed fields than this, they are said to be "the rest". */
  namedAtMost: z.int().positive(),
  /** Pairs of quotation marks, the first that a text does not contain is used. */
  quotes: z.array(z.tuple([z.string().length(1), z.string().length(1)])).min(1),
});

/** The whole schema file. */
export const protocolSchemaFile = z.strictObject({
  schema: z.literal(schemaFormat),
  id: z.string(),
  version: z.int().positive(),
  title: titleSchema,
  languages: bothLanguages(languageSchema),
  codeSystems: z.record(
    z.string(),
    z.strictObject({
      uri: z.string(),
      title: z.string(),
      source: z.string(),
      attribute: z.string().optional(),
    }),
  ),
  fhir: z.strictObject({
    system: z.string(),
    absentSystem: z.string(),
    absentCode: z.string(),
    absentDisplay: z.string(),
    ucum: z.string(),
  }),
  /** Groups with the same fields that share a sentence when all their values are equal. */
  merges: z.array(z.strictObject({ groups: z.array(z.string()).min(2), heads: titleSchema })),
  /** The group before which groups that were not assessed at all are named. */
  unassessedBefore: z.string(),
  valueSets: z.record(z.string(), valueSetSchema),
  groups: z.array(groupSchema).min(1),
});

export type ProtocolSchemaFile = z.infer<typeof protocolSchemaFile>;
export type ProtocolGroup = ProtocolSchemaFile['groups'][number];
export type ProtocolField = ProtocolGroup['fields'][number];
export type ProtocolJoin = NonNullable<ProtocolGroup['joins']>[number];
export type ProtocolValueSet = ProtocolSchemaFile['valueSets'][string];
