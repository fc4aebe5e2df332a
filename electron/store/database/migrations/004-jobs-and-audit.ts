/** The queue of work, and the log of what was done to the library. */
export const jobsAndAudit = `
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  contentKey TEXT NOT NULL UNIQUE CHECK (length(contentKey) = 64),
  request TEXT NOT NULL,
  imageId INTEGER REFERENCES images (id) ON DELETE CASCADE,
  modelKey TEXT NOT NULL DEFAULT '',
  priority INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
  attempts INTEGER NOT NULL DEFAULT 0,
  maxAttempts INTEGER NOT NULL DEFAULT 3,
  worker TEXT,
  leaseUntil TEXT,
  notBefore TEXT,
  error TEXT,
  traceId INTEGER REFERENCES traces (id) ON DELETE SET NULL,
  createdAt TEXT NOT NULL,
  startedAt TEXT,
  finishedAt TEXT,
  CHECK ((state = 'running') = (worker IS NOT NULL))
) STRICT;
CREATE INDEX jobs_to_claim ON jobs (state, priority DESC, id);
CREATE INDEX jobs_by_model ON jobs (state, modelKey, priority DESC, id);
CREATE INDEX jobs_by_image ON jobs (imageId);
CREATE INDEX jobs_by_trace ON jobs (traceId) WHERE traceId IS NOT NULL;

CREATE TABLE audit_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  details TEXT NOT NULL,
  previousHash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_append_only AFTER UPDATE ON audit_log BEGIN
  SELECT RAISE (ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_keeps_everything BEFORE DELETE ON audit_log BEGIN
  SELECT RAISE (ABORT, 'the audit log is append-only');
END;
`;
