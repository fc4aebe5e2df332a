import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import {
  appInfoSchema,
  auditEntrySchema,
  backupSchema,
  libraryStatusSchema,
  licenceSchema,
  settingsPatchSchema,
  settingsSchema,
  verifyReportSchema,
  workbenchEventSchema,
} from './app-model.ts';
import {
  compareInputSchema,
  comparisonSchema,
  groupStatisticsInputSchema,
  groupStatisticsSchema,
} from './compare-model.ts';
import { conceptSetSchema } from '../engine/lens-trace/concept-set.ts';
import {
  comparisonExportSchema,
  exportResultSchema,
  hiddenStateExportSchema,
  imageExportSchema,
  reportExportSchema,
  studyExportSchema,
  traceExportSchema,
} from './export-model.ts';
import { maxGridRows } from './image-grid.ts';
import { importChoicesSchema } from './import-choices.ts';
import { importReportSchema } from './import-model.ts';
import { jobSchema, jobStates } from './job-model.ts';
import { gateSchema } from '../engine/lens-trace/lens-trace.ts';
import {
  groupSchema,
  idSchema,
  libraryImageSchema,
  patientSchema,
  tagSchema,
  visitSchema,
} from './library-model.ts';
import {
  facetsSchema,
  findingInputSchema,
  imageChangeSchema,
  imageDetailSchema,
  patientInputSchema,
  undoneSchema,
} from './library-edit.ts';
import { imageFilterSchema, imagePageSchema, imageQuerySchema, pageStartSchema } from './library-query.ts';
import {
  cachedModelSchema,
  hubAccountSchema,
  modelOfferSchema,
  modelTaskSchema,
  prepareChoicesSchema,
  repositorySchema,
  revisionSchema,
  roomSchema,
} from './model-manager.ts';
import { problemSchema } from './problem.ts';
import { cudaLibrarySchema, providersViewSchema } from './provider-status.ts';
import {
  checkpointReportSchema,
  enqueueResultSchema,
  imageChoiceSchema,
  modelSchema,
  promptSchema,
  resolvedConceptSchema,
  storedConceptSetSchema,
  traceDetailSchema,
  traceFilterSchema,
  traceOrderSchema,
  traceSummarySchema,
} from './study-model.ts';

const count = z.int().nonnegative();
const byId = z.strictObject({ id: idSchema });
const byIds = z.strictObject({ ids: z.array(idSchema).min(1).max(100_000) });
const changed = z.object({ changed: count });

/** Every call may fail with this one error; `data` is the {@link SerializedError} of what was thrown. */
const call = oc.errors({ PROBLEM: { status: 422, message: 'The call failed.', data: problemSchema } });

const app = {
  info: call.output(appInfoSchema),
  /** What the software is made of. */
  licences: call.output(z.array(licenceSchema)),
};

const library = {
  status: call.output(libraryStatusSchema),
  backups: {
    /** Newest first. */
    list: call.output(z.array(backupSchema)),
    create: call.output(backupSchema),
    /** Replaces the library by a backup; what was there becomes a backup first. */
    restore: call.input(z.strictObject({ name: z.string() })).output(libraryStatusSchema),
  },
  /** Reads everything: the database's own check, hashes of all files, the chain of the audit log. */
  verify: call.output(verifyReportSchema),
  /** Newest first. */
  audit: call
    .input(z.strictObject({ limit: z.int().min(1).max(1000).default(100), beforeId: idSchema.optional() }))
    .output(z.array(auditEntrySchema)),
};

const images = {
  page: call
    .input(
      z.strictObject({
        query: imageQuerySchema.prefault({}),
        start: pageStartSchema.default({}),
        limit: z.int().min(1).max(1000).default(100),
      }),
    )
    .output(imagePageSchema),
  count: call.input(z.strictObject({ query: imageQuerySchema.prefault({}) })).output(count),
  /** Every id in the query's order, for selections and jumps. */
  ids: call.input(z.strictObject({ query: imageQuerySchema.prefault({}) })).output(z.array(idSchema)),
  /**
   * A run of the query's images as the grid shows them, packed; read it with `GridRows` of image-grid.ts. It is so
   * small that a renderer holds the whole query and a scrollbar never waits.
   */
  grid: call
    .input(
      z.strictObject({
        query: imageQuerySchema.prefault({}),
        first: count.default(0),
        limit: z.int().min(1).max(maxGridRows).default(maxGridRows),
      }),
    )
    .output(z.instanceof(Blob)),
  /** How many images each choice of a filter would leave. */
  facets: call.input(z.strictObject({ filter: imageFilterSchema.default({}) })).output(facetsSchema),
  get: call.input(byId).output(imageDetailSchema),
  update: call.input(byIds.extend({ change: imageChangeSchema })).output(changed),
  /** Takes images with their traces and jobs out of the library; cannot be undone, original files stay. */
  remove: call.input(byIds).output(changed),
  addTag: call.input(byIds.extend({ name: z.string().trim().min(1).max(100) })).output(changed),
  removeTag: call.input(byIds.extend({ tagId: idSchema })).output(changed),
  /** The same label on the same image is replaced. */
  putFinding: call.input(byIds.extend({ finding: findingInputSchema })).output(changed),
  removeFinding: call.input(z.strictObject({ imageId: idSchema, findingId: idSchema })).output(changed),
  /** Takes the last change of images, tags, findings or groups back; null when there is none. */
  undo: call.output(undoneSchema.nullable()),
  /** What undo would take back. */
  undoable: call.output(undoneSchema.nullable()),
};

const withImageCount = { imageCount: count };
const patients = {
  /** In natural order of the codes; `afterId` is the last one of the page before. */
  list: call
    .input(z.strictObject({ limit: z.int().min(1).max(1000).default(200), afterId: idSchema.optional() }))
    .output(z.object({ total: count, items: z.array(patientSchema.extend(withImageCount)) })),
  get: call
    .input(byId)
    .output(z.object({ patient: patientSchema, visits: z.array(visitSchema.extend(withImageCount)) })),
  add: call.input(patientInputSchema).output(patientSchema),
  update: call.input(byId.extend({ change: patientInputSchema.partial() })).output(patientSchema),
  /** Refused while the patient has images. */
  remove: call.input(byId).output(changed),
};

const visits = {
  ofPatient: call
    .input(z.strictObject({ patientId: idSchema }))
    .output(z.array(visitSchema.extend(withImageCount))),
  images: call.input(byId).output(z.array(libraryImageSchema)),
  update: call
    .input(
      byId.extend({
        change: z.strictObject({
          date: z.iso.date().nullable().optional(),
          label: z.string().max(200).optional(),
          note: z.string().max(20_000).optional(),
        }),
      }),
    )
    .output(visitSchema),
};

const groupInput = z.strictObject({ name: z.string().trim().min(1).max(200), note: z.string().default('') });
const groups = {
  list: call.output(z.array(groupSchema)),
  get: call.input(byId).output(z.object({ group: groupSchema, imageIds: z.array(idSchema) })),
  create: call.input(groupInput).output(groupSchema),
  update: call.input(byId.extend({ change: groupInput.partial() })).output(groupSchema),
  remove: call.input(byId).output(changed),
  addImages: call.input(byId.extend({ images: imageChoiceSchema })).output(groupSchema),
  removeImages: call.input(byId.extend({ images: imageChoiceSchema })).output(groupSchema),
  /** Mean curve of a concept with a bootstrap interval, against controls when given. */
  statistics: call.input(groupStatisticsInputSchema).output(groupStatisticsSchema),
};

const tags = {
  list: call.output(z.array(tagSchema)),
  rename: call.input(byId.extend({ name: z.string().trim().min(1).max(100) })).output(changed),
  remove: call.input(byId).output(changed),
};

const importSummarySchema = importReportSchema.omit({ schema: true, entries: true });
const imports = {
  /** Begins in the background; `events` tell how it goes. */
  start: call
    .input(
      z.strictObject({
        paths: z.array(z.string().min(1)).min(1).max(10_000),
        options: importChoicesSchema.prefault({}),
      }),
    )
    .output(z.object({ importId: idSchema })),
  /** The same for files that a browser hands over; they are always copied into the library. */
  upload: call
    .input(
      z.strictObject({
        files: z.array(z.file()).min(1).max(10_000),
        options: importChoicesSchema.prefault({}),
      }),
    )
    .output(z.object({ importId: idSchema })),
  /** Newest first. */
  list: call
    .input(z.strictObject({ limit: z.int().min(1).max(1000).default(50) }))
    .output(z.array(importSummarySchema)),
  get: call.input(byId).output(importReportSchema),
  cancel: call.input(byId).output(changed),
  exportReport: call
    .input(byId.extend({ format: z.enum(['csv', 'json']).default('csv') }))
    .output(exportResultSchema),
};

const sourceOfHub = z.strictObject({
  from: z.literal('hub'),
  repository: repositorySchema,
  revision: revisionSchema.default('main'),
});
const sourceOfFolder = z.strictObject({ from: z.enum(['folder', 'cache']), folder: z.string().min(1) });
const modelSourceSchema = z.union([sourceOfHub, sourceOfFolder]);
const byTask = z.strictObject({ taskId: z.string().min(1) });

const models = {
  list: call.output(z.array(modelSchema)),
  /** Reads a checkpoint folder's headers and hashes without keeping it. */
  inspect: call.input(z.strictObject({ folder: z.string().min(1) })).output(checkpointReportSchema),
  /** Disk and memory there are now. */
  room: call.output(roomSchema),
  /** What is in the cache of Python's huggingface_hub on this computer. */
  cache: call.output(z.object({ folder: z.string(), models: z.array(cachedModelSchema) })),
  /** What a model is, needs and would need in each format; of its weights only the headers are read. */
  offer: call.input(modelSourceSchema).output(modelOfferSchema),
  /** Uses a checkpoint folder where it lies. */
  addFolder: call.input(z.strictObject({ folder: z.string().min(1) })).output(modelSchema),
  /** Uses a revision of the cache where it lies; its hashes must be those of its names. */
  addCached: call.input(z.strictObject({ folder: z.string().min(1) })).output(modelSchema),
  /** Begins to download or copy a model into our own folder. It counts only when every hash is right. */
  fetch: call.input(modelSourceSchema).output(modelTaskSchema),
  /** Begins to write the weights in another format. */
  prepare: call.input(byId.extend(prepareChoicesSchema.shape)).output(modelTaskSchema),
  /** Begins to measure how true the numbers of prepared weights are. */
  verify: call
    .input(
      byId.extend({
        referenceId: idSchema.optional(),
        imageIds: z.array(idSchema).min(1).max(100).optional(),
        prompts: z.array(z.string().min(1).max(20_000)).min(1).max(20).optional(),
      }),
    )
    .output(modelTaskSchema),
  tasks: {
    /** Oldest first. `model-task` events tell how they go. */
    list: call.output(z.array(modelTaskSchema)),
    pause: call.input(byTask).output(modelTaskSchema),
    resume: call.input(byTask).output(modelTaskSchema),
    /** Ends it and deletes what has arrived so far. */
    cancel: call.input(byTask).output(modelTaskSchema),
    /** Takes what is over off the list. */
    dismiss: call.input(z.strictObject({ taskIds: z.array(z.string()).max(1000) })).output(changed),
  },
  hub: {
    get: call.output(hubAccountSchema),
    /** null forgets the token. */
    setToken: call
      .input(z.strictObject({ token: z.string().trim().min(1).max(500).nullable() }))
      .output(hubAccountSchema),
  },
  /** Loads the model and compares its lens with its own logits. */
  checkGate: call.input(byId).output(gateSchema),
  /**
   * Deletes a model of our own folder, and forgets any other; traces stay. `model.in-use` while jobs or tasks need it,
   * unless `confirmed`, which cancels them.
   */
  remove: call.input(byId.extend({ confirmed: z.boolean().default(false) })).output(changed),
};

const providers = {
  /** What this machine can compute with. Trials take seconds; without `fresh`, those of this run are told again. */
  list: call
    .input(z.strictObject({ fresh: z.boolean().default(false) }).prefault({}))
    .output(providersViewSchema),
  /** Begins to install the library of the cuda provider; `cuda-library` events tell how it goes. */
  installCuda: call
    .input(
      z.discriminatedUnion('from', [
        z.strictObject({ from: z.literal('feed') }),
        /** A package that a person has brought; `sha512` is compared when it is stated. */
        z.strictObject({ from: z.literal('file'), path: z.string().min(1), sha512: z.string().optional() }),
      ]),
    )
    .output(cudaLibrarySchema),
  /** Ends it; what has arrived is kept. */
  cancelCuda: call.input(z.strictObject({}).prefault({})).output(cudaLibrarySchema),
  removeCuda: call.input(z.strictObject({ confirmed: z.literal(true) })).output(providersViewSchema),
};

const concepts = {
  list: call.output(z.array(storedConceptSetSchema)),
  get: call.input(z.strictObject({ setId: z.string() })).output(storedConceptSetSchema),
  /** Makes a new edition of an own set; traces keep the edition they were made with. A built-in id is refused. */
  save: call.input(z.strictObject({ set: conceptSetSchema })).output(storedConceptSetSchema),
  remove: call.input(z.strictObject({ setId: z.string() })).output(changed),
  /** The tokens of each concept in a model's vocabulary, fragments and sharers named. */
  resolve: call
    .input(z.strictObject({ set: conceptSetSchema, modelId: idSchema }))
    .output(z.array(resolvedConceptSchema)),
};

const prompts = {
  list: call.output(z.array(promptSchema)),
  save: call
    .input(z.strictObject({ title: z.string().trim().min(1).max(200), text: z.string().min(1).max(20_000) }))
    .output(promptSchema),
  /** Takes an own prompt off the list; traces keep its text. */
  remove: call.input(z.strictObject({ id: z.string() })).output(changed),
  /** Ids of the set's concepts that the text itself names. */
  findLeaks: call
    .input(z.strictObject({ text: z.string(), conceptSetId: z.string() }))
    .output(z.array(z.string())),
};

const traces = {
  /** Newest first. */
  list: call.input(traceFilterSchema).output(z.array(traceSummarySchema)),
  get: call.input(byId).output(traceDetailSchema),
  /** The whole trace with its arrays; read it with `unpackTrace` of trace-payload.ts. */
  cells: call.input(byId).output(z.instanceof(Blob)),
  note: call.input(byId.extend({ note: z.string().max(20_000) })).output(traceSummarySchema),
  remove: call.input(byIds).output(changed),
};

const jobCountsSchema = z.object({
  counts: z.record(z.enum(jobStates), count),
  /** Estimated; null before anything has finished. */
  millisecondsLeft: count.nullable(),
  paused: z.boolean(),
});
const jobs = {
  enqueue: call.input(traceOrderSchema).output(enqueueResultSchema),
  /** Newest first. */
  list: call
    .input(
      z.strictObject({
        state: z.enum(jobStates).optional(),
        limit: z.int().min(1).max(1000).default(100),
        beforeId: idSchema.optional(),
      }),
    )
    .output(z.array(jobSchema)),
  get: call.input(byId).output(jobSchema),
  counts: call.output(jobCountsSchema),
  pause: call.input(byIds).output(changed),
  resume: call.input(byIds).output(changed),
  cancel: call.input(byIds).output(changed),
  retry: call.input(byIds).output(changed),
  setPriority: call.input(byIds.extend({ priority: z.int().min(-10).max(10) })).output(changed),
  /** Begins no further jobs, also after a restart; what runs goes on. */
  pauseQueue: call.output(jobCountsSchema),
  resumeQueue: call.output(jobCountsSchema),
  /** Ends the engine's process and starts it anew with the next job; its running job is tried again. */
  restartEngine: call.output(changed),
};

const compare = {
  run: call.input(compareInputSchema).output(comparisonSchema),
};

const exports = {
  traces: call.input(traceExportSchema).output(exportResultSchema),
  comparison: call.input(comparisonExportSchema).output(exportResultSchema),
  images: call.input(imageExportSchema).output(exportResultSchema),
  /** Runs the model again, because hidden states are not stored. */
  hiddenStates: call.input(hiddenStateExportSchema).output(exportResultSchema),
  /** A zip with everything that repeats the traces. */
  study: call.input(studyExportSchema).output(exportResultSchema),
  /** Provenance and numbers as a self-contained HTML page; figures are added by the face that draws them. */
  report: call.input(reportExportSchema).output(exportResultSchema),
};

const settings = {
  get: call.output(settingsSchema),
  patch: call.input(settingsPatchSchema).output(settingsSchema),
};

/**
 * One stream for everything that happens. Each event has an id; a client that reconnects with the last id it saw
 * gets what it missed, or `resync` when that is too long ago.
 */
const events = {
  subscribe: call.output(eventIterator(workbenchEventSchema)),
};

/** Every call between a face and the workbench. */
export const contract = {
  app,
  library,
  images,
  patients,
  visits,
  groups,
  tags,
  imports,
  models,
  providers,
  concepts,
  prompts,
  traces,
  jobs,
  compare,
  exports,
  settings,
  events,
};
