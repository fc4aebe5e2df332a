/** Lenses that were fitted to a model; the file of each lies beside the arrays, named by its hash. */
export const lenses = `
CREATE TABLE lenses (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL CHECK (source IN ('fitted', 'imported')),
  modelSha256 TEXT NOT NULL,
  sha256 TEXT NOT NULL UNIQUE,
  bytes INTEGER NOT NULL,
  description TEXT NOT NULL CHECK (json_valid(description)),
  createdAt TEXT NOT NULL
) STRICT;
`;
