/** Patients, visits, images and what people write about them. */
export const records = `
CREATE TABLE patients (
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL UNIQUE CHECK (code <> ''),
  codeKey TEXT NOT NULL,
  name TEXT,
  birthYear INTEGER,
  sex TEXT CHECK (sex IN ('F', 'M', 'O')),
  note TEXT NOT NULL DEFAULT '',
  createdAt TEXT NOT NULL
) STRICT;
CREATE INDEX patients_by_code_key ON patients (codeKey, id);

CREATE TABLE visits (
  id INTEGER PRIMARY KEY,
  patientId INTEGER NOT NULL REFERENCES patients (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  date TEXT,
  label TEXT NOT NULL DEFAULT '',
  studyUid TEXT,
  note TEXT NOT NULL DEFAULT '',
  UNIQUE (patientId, key)
) STRICT;

CREATE TABLE images (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
  patientId INTEGER REFERENCES patients (id) ON DELETE RESTRICT,
  visitId INTEGER REFERENCES visits (id) ON DELETE RESTRICT,
  patientKey TEXT NOT NULL DEFAULT '',
  fileName TEXT NOT NULL,
  nameKey TEXT NOT NULL,
  originalPath TEXT NOT NULL,
  storage TEXT NOT NULL CHECK (storage IN ('managed', 'in-place')),
  managedPath TEXT,
  renderingPath TEXT,
  bytes INTEGER NOT NULL,
  format TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  bitDepth INTEGER NOT NULL,
  frames INTEGER NOT NULL DEFAULT 1,
  laterality TEXT NOT NULL CHECK (laterality IN ('R', 'L', 'B', 'unknown')),
  lateralitySource TEXT NOT NULL,
  modality TEXT NOT NULL DEFAULT '',
  capturedAt TEXT,
  capturedKey TEXT NOT NULL GENERATED ALWAYS AS (coalesce(capturedAt, '')) VIRTUAL,
  camera TEXT,
  quality TEXT,
  note TEXT NOT NULL DEFAULT '',
  remarks TEXT NOT NULL DEFAULT '[]',
  sopInstanceUid TEXT,
  traceCount INTEGER NOT NULL DEFAULT 0,
  importedAt TEXT NOT NULL,
  CHECK ((storage = 'managed') = (managedPath IS NOT NULL)),
  CHECK ((laterality = 'unknown') OR (lateralitySource <> 'none'))
) STRICT;
CREATE INDEX images_by_captured ON images (capturedKey, id);
CREATE INDEX images_by_name ON images (nameKey, id);
CREATE INDEX images_by_patient_key ON images (patientKey, capturedKey, id);
CREATE INDEX images_by_patient ON images (patientId, capturedKey, id);
CREATE INDEX images_by_visit ON images (visitId, capturedKey, id);
CREATE INDEX images_by_laterality ON images (laterality, capturedKey, id);
CREATE INDEX images_by_laterality_and_name ON images (laterality, nameKey, id);
CREATE INDEX images_by_laterality_and_patient ON images (laterality, patientKey, capturedKey, id);
CREATE INDEX images_by_laterality_and_modality ON images (laterality, modality, capturedKey, id);
CREATE INDEX images_by_modality ON images (modality, capturedKey, id);

CREATE TRIGGER images_take_patient_key AFTER INSERT ON images WHEN NEW.patientId IS NOT NULL BEGIN
  UPDATE images SET patientKey = (SELECT codeKey FROM patients WHERE id = NEW.patientId) WHERE id = NEW.id;
END;
CREATE TRIGGER images_change_patient AFTER UPDATE OF patientId ON images BEGIN
  UPDATE images SET patientKey = coalesce((SELECT codeKey FROM patients WHERE id = NEW.patientId), '') WHERE id = NEW.id;
END;
CREATE TRIGGER patients_change_code AFTER UPDATE OF codeKey ON patients BEGIN
  UPDATE images SET patientKey = NEW.codeKey WHERE patientId = NEW.id;
END;

CREATE TABLE tags (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  nameKey TEXT NOT NULL UNIQUE CHECK (nameKey <> '')
) STRICT;
CREATE TABLE image_tags (
  imageId INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  tagId INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  PRIMARY KEY (imageId, tagId)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_tags_by_tag ON image_tags (tagId, imageId);

CREATE TABLE findings (
  id INTEGER PRIMARY KEY,
  imageId INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  label TEXT NOT NULL,
  value TEXT,
  source TEXT NOT NULL CHECK (source IN ('user', 'manifest', 'dicom')),
  note TEXT NOT NULL DEFAULT '',
  createdAt TEXT NOT NULL,
  UNIQUE (imageId, label, source)
) STRICT;
CREATE INDEX findings_by_label ON findings (label, imageId);

CREATE TABLE groups (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name <> ''),
  note TEXT NOT NULL DEFAULT '',
  createdAt TEXT NOT NULL
) STRICT;
CREATE TABLE group_images (
  groupId INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  imageId INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  PRIMARY KEY (groupId, imageId)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_images_by_image ON group_images (imageId, groupId);

CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE imports (
  id INTEGER PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled', 'failed')),
  sources TEXT NOT NULL,
  startedAt TEXT NOT NULL,
  finishedAt TEXT
) STRICT;
CREATE TABLE import_entries (
  id INTEGER PRIMARY KEY,
  importId INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT,
  detail TEXT NOT NULL DEFAULT '',
  sha256 TEXT,
  imageId INTEGER REFERENCES images (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX import_entries_by_import ON import_entries (importId, status);
CREATE INDEX import_entries_by_image ON import_entries (imageId) WHERE imageId IS NOT NULL;
`;
