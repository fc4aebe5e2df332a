/** Models, prompts, concept sets and the traces made with them. */
export const traces = `
CREATE TABLE models (
  id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
  name TEXT NOT NULL,
  family TEXT NOT NULL,
  folder TEXT,
  numLayers INTEGER NOT NULL,
  dModel INTEGER NOT NULL,
  vocabSize INTEGER NOT NULL,
  tokenizerSize INTEGER NOT NULL,
  report TEXT,
  addedAt TEXT NOT NULL,
  lastUsedAt TEXT
) STRICT;

CREATE TABLE prompts (
  id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL DEFAULT '',
  text TEXT NOT NULL,
  createdAt TEXT NOT NULL
) STRICT;

CREATE TABLE concept_sets (
  id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE,
  setId TEXT NOT NULL,
  body TEXT NOT NULL,
  createdAt TEXT NOT NULL
) STRICT;
CREATE INDEX concept_sets_by_set ON concept_sets (setId, id);

CREATE TABLE traces (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  contentKey TEXT UNIQUE,
  imageId INTEGER REFERENCES images (id) ON DELETE CASCADE,
  modelId INTEGER NOT NULL REFERENCES models (id) ON DELETE RESTRICT,
  promptId INTEGER NOT NULL REFERENCES prompts (id) ON DELETE RESTRICT,
  conceptSetId INTEGER REFERENCES concept_sets (id) ON DELETE RESTRICT,
  schema TEXT NOT NULL,
  imageSha256 TEXT,
  modelSha256 TEXT NOT NULL,
  lens TEXT NOT NULL,
  weightDtype TEXT NOT NULL,
  provider TEXT NOT NULL,
  softwareVersion TEXT NOT NULL,
  numLayers INTEGER NOT NULL,
  numPositions INTEGER NOT NULL,
  topK INTEGER NOT NULL,
  gateMaxAbsDiff REAL NOT NULL,
  generatedText TEXT NOT NULL DEFAULT '',
  document TEXT NOT NULL,
  createdAt TEXT NOT NULL
) STRICT;
CREATE INDEX traces_by_image ON traces (imageId, modelId, id);
CREATE INDEX traces_by_model ON traces (modelId, id);
CREATE INDEX traces_by_prompt ON traces (promptId);
CREATE INDEX traces_by_concept_set ON traces (conceptSetId);

CREATE TABLE trace_arrays (
  id INTEGER PRIMARY KEY,
  traceId INTEGER NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  dtype TEXT NOT NULL,
  shape TEXT NOT NULL,
  schemaVersion INTEGER NOT NULL,
  byteLength INTEGER NOT NULL,
  data BLOB,
  fileHash TEXT,
  UNIQUE (traceId, name),
  CHECK ((data IS NULL) <> (fileHash IS NULL)),
  CHECK (data IS NULL OR length(data) = byteLength)
) STRICT;
CREATE INDEX trace_arrays_by_file ON trace_arrays (fileHash) WHERE fileHash IS NOT NULL;

CREATE TABLE trace_concepts (
  traceId INTEGER NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  conceptId TEXT NOT NULL,
  imageId INTEGER,
  modelId INTEGER NOT NULL,
  role TEXT NOT NULL,
  emergenceLayer INTEGER,
  earliestLayer INTEGER,
  finalRank INTEGER NOT NULL,
  finalLogProb REAL NOT NULL,
  controlled INTEGER NOT NULL,
  PRIMARY KEY (traceId, conceptId)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_concepts_by_image ON trace_concepts (imageId, conceptId, emergenceLayer);
CREATE INDEX trace_concepts_by_layer ON trace_concepts (conceptId, emergenceLayer, imageId);

CREATE TRIGGER traces_count_up AFTER INSERT ON traces WHEN NEW.imageId IS NOT NULL BEGIN
  UPDATE images SET traceCount = traceCount + 1 WHERE id = NEW.imageId;
END;
CREATE TRIGGER traces_count_down AFTER DELETE ON traces WHEN OLD.imageId IS NOT NULL BEGIN
  UPDATE images SET traceCount = traceCount - 1 WHERE id = OLD.imageId;
END;
CREATE INDEX images_by_trace_count ON images (traceCount, capturedKey, id);
`;
