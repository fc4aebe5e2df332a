/** Experiments: what was asked of which photographs, fixed before anything was computed. */
export const experiments = `
CREATE TABLE experiments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  title TEXT NOT NULL,
  document TEXT NOT NULL,
  plan TEXT NOT NULL,
  planSha256 TEXT NOT NULL UNIQUE,
  conceptSetId INTEGER NOT NULL REFERENCES concept_sets (id),
  createdAt TEXT NOT NULL
) STRICT;
`;
