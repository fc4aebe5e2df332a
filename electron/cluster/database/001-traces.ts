/**
 * What was ordered, what came of it, and who works.
 *
 * - `cells`: every trace that was ever ordered belongs to one chunk, whoever ordered it how often.
 * - `results`: one row a trace, never changed; the trace itself lies in the storage under `object_sha256`.
 * - `failures`: why there is none.
 *
 * pg-boss keeps the queue itself in a schema of its own; a chunk has the id of its job.
 */
export const sql = `
CREATE TABLE fundus_lens.chunks (
  id uuid PRIMARY KEY,
  plan_sha256 text NOT NULL,
  model_sha256 text NOT NULL,
  traces int NOT NULL,
  done int NOT NULL DEFAULT 0,
  failed int NOT NULL DEFAULT 0,
  milliseconds bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
CREATE INDEX chunks_open ON fundus_lens.chunks (model_sha256) WHERE finished_at IS NULL;
CREATE INDEX chunks_plan ON fundus_lens.chunks (plan_sha256);

CREATE TABLE fundus_lens.cells (
  content_key bytea PRIMARY KEY CHECK (octet_length(content_key) = 32),
  chunk_id uuid NOT NULL
);

CREATE TABLE fundus_lens.results (
  content_key bytea PRIMARY KEY CHECK (octet_length(content_key) = 32),
  object_sha256 bytea NOT NULL CHECK (octet_length(object_sha256) = 32),
  bytes int NOT NULL,
  chunk_id uuid NOT NULL,
  worker_id uuid NOT NULL,
  milliseconds int NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX results_stored ON fundus_lens.results USING brin (stored_at);

CREATE TABLE fundus_lens.failures (
  content_key bytea PRIMARY KEY CHECK (octet_length(content_key) = 32),
  chunk_id uuid NOT NULL,
  worker_id uuid NOT NULL,
  code text NOT NULL,
  problem jsonb NOT NULL,
  failed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE fundus_lens.workers (
  id uuid PRIMARY KEY,
  host text NOT NULL,
  pid int NOT NULL,
  version text NOT NULL,
  device text NOT NULL,
  models text[] NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now(),
  stopped_at timestamptz
);
`;
