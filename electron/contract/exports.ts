import { z } from 'zod';
import { call } from './call.ts';
import { compareInputSchema } from './traces/compare.ts';
import { idSchema } from './ids.ts';
import { imageQuerySchema } from './image-query.ts';
import { scaleNames } from '../engine/lens-trace/overlay/color-scales.ts';
import { overlayModes } from '../engine/lens-trace/overlay/overlay-series.ts';

/** Where the result goes: into the answer, or to a file of the computer that runs the workbench. */
export const exportTargetSchema = z.union([
  z.strictObject({ to: z.literal('answer') }),
  z.strictObject({ to: z.literal('file'), path: z.string().min(1), overwrite: z.boolean().default(false) }),
]);

/** The file itself, or where it was written. */
export const exportResultSchema = z.object({
  name: z.string(),
  contentType: z.string(),
  bytes: z.int().nonnegative(),
  file: z.file().nullable(),
  path: z.string().nullable(),
});

export const tableFormats = ['csv', 'json', 'parquet'] as const;

/**
 * What is replaced before patient data leaves the library. Pixels may show names burned into the image, which no
 * software finds reliably; therefore a person has to confirm.
 */
export const deidentifySchema = z.strictObject({
  /** "I have looked at the images, or they are left out." */
  confirmBurnedInText: z.literal(true),
  /** Prefix of the codes that replace the patients' own. */
  codePrefix: z.string().max(20).default('P'),
  /** Moves all dates of one patient by the same random number of days, up to this many. */
  shiftDays: z.int().min(1).max(3650).default(365),
  /** Free texts that stay nevertheless; a person has to have looked through them. */
  keep: z.array(z.enum(['prompts', 'findings'])).optional(),
});

export const traceExportSchema = z.strictObject({
  traceIds: z.array(idSchema).min(1).max(10_000),
  /** `cells`: a row per layer, position and kept token; `concepts`: a row per layer, position and concept; `summary`: a row per trace and concept. */
  table: z.enum(['cells', 'concepts', 'summary']).default('cells'),
  /** JSON writes whole traces as `fundus-lens.trace/1`, whatever the table. */
  format: z.enum(tableFormats),
  target: exportTargetSchema.default({ to: 'answer' }),
});

export const comparisonExportSchema = z.strictObject({
  compare: compareInputSchema,
  format: z.enum(tableFormats),
  target: exportTargetSchema.default({ to: 'answer' }),
});

export const imageExportSchema = z.strictObject({
  query: imageQuerySchema.prefault({}),
  format: z.enum(['csv', 'json', 'parquet']),
  deidentify: deidentifySchema.nullable().default(null),
  target: exportTargetSchema.default({ to: 'answer' }),
});

export const hiddenStateExportSchema = z.strictObject({
  /** One trace, or many: then the zip holds a folder for each, and `failures.json` where one could not be repeated. */
  traceIds: z.array(idSchema).min(1).max(10_000),
  /** 0…L; 0 is the input to block 0. */
  layers: z.array(z.int().nonnegative()).min(1),
  /** Positions of the merged sequence; null for those of the trace. */
  positions: z.array(z.int().nonnegative()).min(1).nullable().default(null),
  /** One file; both formats come in a zip with `manifest.json`, which states hash, layers and "pre-norm". */
  format: z.enum(['safetensors', 'npy']),
  target: exportTargetSchema.default({ to: 'answer' }),
});

export const studyExportSchema = z.strictObject({
  traceIds: z.array(idSchema).min(1).max(10_000),
  /** Whether the photographs go with it; without them only their hashes do. */
  includeImages: z.boolean().default(true),
  /** null keeps codes, dates and metadata as they are. */
  deidentify: deidentifySchema.nullable().default(null),
  title: z.string().max(200).default(''),
  target: exportTargetSchema.default({ to: 'answer' }),
});

export const reportExportSchema = z.strictObject({
  traceIds: z.array(idSchema).min(1).max(6),
  language: z.enum(['en', 'ru']).default('en'),
  format: z.enum(['html', 'pdf']).default('html'),
  target: exportTargetSchema.default({ to: 'answer' }),
});

/** `png` is a zip with a picture for each layer. */
export const animationFormats = ['gif', 'webp', 'png'] as const;

export const animationExportSchema = z.strictObject({
  traceId: idSchema,
  format: z.enum(animationFormats),
  overlay: z.enum(overlayModes).default('concept'),
  /** The concept of the overlay; null for the target that comes nearest to being said where the answer begins. */
  conceptId: z.string().nullable().default(null),
  logarithmic: z.boolean().default(false),
  scale: z.enum(scaleNames).default('viridis'),
  opacity: z.number().min(0).max(1).default(0.6),
  showSinks: z.boolean().default(true),
  /** Of the merged sequence: whose words stand below; null for the place where the answer begins. */
  position: z.int().nonnegative().nullable().default(null),
  layersPerSecond: z.number().min(0.5).max(20).default(4),
  /** Pixels; the height follows from the photograph. */
  width: z.int().min(320).max(1600).default(720),
  language: z.enum(['en', 'ru']).default('en'),
  target: exportTargetSchema.default({ to: 'answer' }),
});

export type AnimationFormat = (typeof animationFormats)[number];
export type AnimationExport = z.output<typeof animationExportSchema>;
export type AnimationOrder = z.input<typeof animationExportSchema>;

export type ReportFormat = z.infer<typeof reportExportSchema>['format'];

export type ExportTarget = z.infer<typeof exportTargetSchema>;

export type ExportResult = z.infer<typeof exportResultSchema>;

export type TableFormat = (typeof tableFormats)[number];

export type Deidentify = z.infer<typeof deidentifySchema>;

/** The file is written on the computer that runs the workbench. */
export const dumpExportSchema = z.strictObject({ traceId: idSchema, path: z.string().min(1) });

/** Written on the computer that runs the workbench, because it may be larger than its memory. */
export const libraryExportSchema = z.strictObject({
  path: z.string().min(1),
  overwrite: z.boolean().default(false),
});

export const exports = {
  traces: call.input(traceExportSchema).output(exportResultSchema),
  comparison: call.input(comparisonExportSchema).output(exportResultSchema),
  images: call.input(imageExportSchema).output(exportResultSchema),
  /** The photograph with overlay and words, a frame for each layer. */
  animation: call.input(animationExportSchema).output(exportResultSchema),
  /** Runs the model again, because hidden states are not stored. */
  hiddenStates: call.input(hiddenStateExportSchema).output(exportResultSchema),
  /** Pixel values, image embeddings, residual stream and logits of a trace, run again, as safetensors. */
  dump: call.input(dumpExportSchema).output(exportResultSchema),
  /** A zip with everything that repeats the traces. */
  study: call.input(studyExportSchema).output(exportResultSchema),
  /**
   * The whole library as a zip that `restore` makes a library of again: database, photographs, also those used where they
   * lie, and arrays; not the models. `missing` are files that are gone.
   */
  library: call
    .input(libraryExportSchema)
    .output(exportResultSchema.extend({ photographs: z.int().nonnegative(), missing: z.array(z.string()) })),
  /** The verdict, provenance and numbers as a self-contained HTML page or a PDF; figures are added by the face that draws them. */
  report: call.input(reportExportSchema).output(exportResultSchema),
};
