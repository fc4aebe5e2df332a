import type { ColumnType, Generated } from 'kysely';
import type { ImportState, ImportStatus } from '../../contract/imports/imports.ts';
import type { Laterality, LateralitySource } from '../../contract/laterality.ts';
import type { ImageFormat } from '../../contract/image-query.ts';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import type { Patient } from '../../contract/images/patients.ts';
import type { TaskState } from '../../contract/app/tasks.ts';
import type { TraceVerdictState } from '../../contract/traces/traces.ts';
import type { TrashKind } from '../../contract/app/trash.ts';

/** Whole words, or in traces from before them first tokens. */
export type CurveReading = 'words' | 'first-tokens';

/** In `trace_curves.emergence`: readable at no layer, and not asked. */
export const neverReadable = 0;
export const notAsked = 255;

/** A column with a default, or one filled by a trigger. */
type Defaulted<T> = ColumnType<T, T | undefined, T>;
/** A column that SQLite computes. */
type Computed<T> = ColumnType<T, never, never>;

export interface PatientsTable {
  id: Generated<number>;
  code: string;
  codeKey: string;
  name: string | null;
  birthYear: number | null;
  sex: Patient['sex'];
  note: Defaulted<string>;
  createdAt: string;
}

export interface VisitsTable {
  id: Generated<number>;
  patientId: number;
  key: string;
  date: string | null;
  label: Defaulted<string>;
  studyUid: string | null;
  note: Defaulted<string>;
}

export interface ImagesTable {
  id: Generated<number>;
  sha256: string;
  patientId: number | null;
  visitId: number | null;
  patientKey: Defaulted<string>;
  fileName: string;
  nameKey: string;
  originalPath: string;
  storage: LibraryImage['storage'];
  managedPath: string | null;
  renderingPath: string | null;
  bytes: number;
  format: ImageFormat;
  width: number;
  height: number;
  bitDepth: number;
  frames: number;
  laterality: Laterality;
  lateralitySource: LateralitySource;
  modality: string;
  capturedAt: string | null;
  capturedKey: Computed<string>;
  camera: string | null;
  quality: LibraryImage['quality'];
  note: string;
  /** JSON list of strings. */
  remarks: string;
  sopInstanceUid: string | null;
  traceCount: Defaulted<number>;
  importedAt: string;
}

export interface FindingsTable {
  id: Generated<number>;
  imageId: number;
  label: string;
  value: string | null;
  source: 'user' | 'manifest' | 'dicom';
  note: Defaulted<string>;
  createdAt: string;
}

export interface ImportEntriesTable {
  id: Generated<number>;
  importId: number;
  path: string;
  status: ImportStatus;
  reason: string | null;
  detail: string;
  sha256: string | null;
  imageId: number | null;
}

export interface ModelsTable {
  id: Generated<number>;
  sha256: string;
  name: string;
  family: string;
  folder: string | null;
  numLayers: number;
  dModel: number;
  vocabSize: number;
  tokenizerSize: number;
  /** JSON of the checkpoint report. */
  report: string | null;
  addedAt: string;
  lastUsedAt: string | null;
}

export interface TracesTable {
  id: Generated<number>;
  contentKey: string | null;
  imageId: number | null;
  modelId: number;
  promptId: number;
  conceptSetId: number | null;
  schema: string;
  imageSha256: string | null;
  modelSha256: string;
  lens: string;
  weightDtype: string;
  provider: string;
  softwareVersion: string;
  numLayers: number;
  numPositions: number;
  topK: number;
  gateMaxAbsDiff: number;
  generatedText: string;
  /** JSON of the trace, its typed arrays replaced by names. */
  document: string;
  /** The document, zstd; then `document` is empty. */
  documentBytes: Buffer | null;
  dictionaryId: number | null;
  createdAt: string;
}

/** What the documents of many traces repeat. */
export interface TraceDictionariesTable {
  id: Generated<number>;
  sha256: string;
  /** zstd. */
  data: Buffer;
}

export interface TraceArraysTable {
  id: Generated<number>;
  traceId: number;
  name: string;
  dtype: string;
  /** JSON list of dimensions. */
  shape: string;
  schemaVersion: number;
  /** Of `data`, compressed or not; of the content of a file. */
  byteLength: number;
  data: Buffer | null;
  fileHash: string | null;
}

export interface TraceConceptsTable {
  traceId: number;
  conceptId: string;
  imageId: number | null;
  modelId: number;
  role: 'target' | 'control';
  emergenceLayer: number | null;
  earliestLayer: number | null;
  finalRank: number;
  finalLogProb: number;
  /** 1 when the emergence was judged against control images. */
  controlled: number;
}

/** What is known of every concept of a trace where the answer begins. */
export interface TraceCurvesTable {
  traceId: number;
  conceptsId: number;
  reading: CurveReading;
  /** N = L + 1 */
  numLayers: number;
  /** float32 [concepts, N], nats, little-endian. */
  logProbs: Buffer;
  /** uint8 [concepts]: the layer from which on it is readable, {@link neverReadable} or {@link notAsked}. */
  emergence: Buffer;
}

/** Filled by triggers; the verdict when the trace is stored, or later for traces of older libraries. */
export interface TraceListTable {
  traceId: number;
  imageId: number | null;
  modelId: number;
  promptId: number;
  lens: string;
  /** null when not worked out yet. */
  verdict: TraceVerdictState | null;
  subjectId: string | null;
  layer: number | null;
  readableCount: Defaulted<number>;
  /** Of the photograph, kept beside by triggers; empty, or null, where there is none. */
  patientKey: Defaulted<string>;
  visitDate: Defaulted<string | null>;
  laterality: Defaulted<Laterality | null>;
}

/** What was removed, whole, until it is too old. */
export interface TrashTable {
  id: Generated<number>;
  kind: TrashKind;
  label: string;
  /** Of the row, where it had a number. */
  itemId: number | null;
  /** JSON lists: files of the library that it needs, and hashes of its photographs. */
  files: Defaulted<string>;
  hashes: Defaulted<string>;
  /** zstd. */
  content: Buffer;
  bytes: number;
  removedAt: string;
}

export interface JobsTable {
  id: Generated<number>;
  kind: string;
  contentKey: string;
  request: string;
  imageId: number | null;
  modelKey: string;
  priority: number;
  state: Defaulted<TaskState>;
  attempts: Defaulted<number>;
  maxAttempts: number;
  worker: Defaulted<string | null>;
  leaseUntil: Defaulted<string | null>;
  notBefore: Defaulted<string | null>;
  error: Defaulted<string | null>;
  traceId: Defaulted<number | null>;
  createdAt: string;
  startedAt: Defaulted<string | null>;
  finishedAt: Defaulted<string | null>;
}

export interface ProtocolsTable {
  id: Generated<number>;
  imageId: number;
  observer: string;
  version: number;
  /** JSON of the protocol. */
  document: string;
  assessed: number;
  /** JSON list of the sources of its values. */
  sources: string;
  createdAt: string;
}

export interface DrawingsTable {
  id: Generated<number>;
  imageId: number;
  observer: string;
  version: number;
  /** JSON of the drawing. */
  document: string;
  shapes: number;
  createdAt: string;
}

export interface TapsTable {
  id: Generated<number>;
  imageId: number;
  modelSha256: string;
  prompt: string;
  /** 0 for the model's own limit. */
  maxPixels: number;
  createdAt: string;
}

export interface TapFeaturesTable {
  tapId: number;
  name: string;
  layer: number;
  /** Of the bytes. */
  sha256: string;
  /** float32, little-endian. */
  data: Buffer;
}

export interface AnswerMarginsTable {
  imageId: number;
  modelSha256: string;
  maxPixels: number;
  question: string;
  language: string;
  polarity: 'positive' | 'negative';
  prompt: string;
  /** float32 [layers], little-endian. */
  data: Buffer;
  createdAt: string;
}

export interface DecodersTable {
  id: Generated<number>;
  name: string;
  source: 'shipped' | 'fitted' | 'imported';
  modelSha256: string;
  /** Of the file. */
  sha256: string;
  data: Buffer;
  createdAt: string;
}

export interface LensesTable {
  id: Generated<number>;
  name: string;
  source: 'fitted' | 'imported';
  modelSha256: string;
  /** Of the file. */
  sha256: string;
  bytes: number;
  /** JSON. */
  description: string;
  createdAt: string;
}

export interface ImageRegionsTable {
  id: Generated<number>;
  imageId: number;
  of: string;
  author: string;
  /** JSON; null for a mask. */
  shape: string | null;
  /** PNG; null for a shape. */
  mask: Buffer | null;
}

export interface ExperimentsTable {
  id: Generated<number>;
  title: string;
  /** JSON of the file that it was made from. */
  document: string;
  /** JSON of what was fixed: everything by content. */
  plan: string;
  planSha256: string;
  conceptSetId: number;
  createdAt: string;
}

export interface AuditLogTable {
  id: Generated<number>;
  at: string;
  actor: string;
  action: string;
  subject: string;
  details: string;
  previousHash: string;
  hash: string;
}

/** Every table, as kysely types it. */
export interface Tables {
  patients: PatientsTable;
  visits: VisitsTable;
  images: ImagesTable;
  tags: { id: Generated<number>; name: string; nameKey: string };
  image_tags: { imageId: number; tagId: number };
  findings: FindingsTable;
  groups: { id: Generated<number>; name: string; note: Defaulted<string>; createdAt: string };
  group_images: { groupId: number; imageId: number };
  settings: { key: string; value: string };
  imports: {
    id: Generated<number>;
    state: ImportState;
    sources: string;
    startedAt: string;
    finishedAt: string | null;
  };
  import_entries: ImportEntriesTable;
  models: ModelsTable;
  prompts: { id: Generated<number>; sha256: string; title: string; text: string; createdAt: string };
  concept_sets: { id: Generated<number>; sha256: string; setId: string; body: string; createdAt: string };
  traces: TracesTable;
  trace_dictionaries: TraceDictionariesTable;
  trace_arrays: TraceArraysTable;
  trace_concepts: TraceConceptsTable;
  trace_list: TraceListTable;
  curve_concepts: { id: Generated<number>; conceptIds: string };
  trace_curves: TraceCurvesTable;
  trash: TrashTable;
  jobs: JobsTable;
  protocols: ProtocolsTable;
  drawings: DrawingsTable;
  taps: TapsTable;
  tap_features: TapFeaturesTable;
  answer_margins: AnswerMarginsTable;
  decoders: DecodersTable;
  lenses: LensesTable;
  datasets: { id: string; title: string; licence: string; citation: string };
  dataset_images: { imageId: number; datasetId: string; split: string | null; age: number | null };
  image_regions: ImageRegionsTable;
  experiments: ExperimentsTable;
  audit_log: AuditLogTable;
}
