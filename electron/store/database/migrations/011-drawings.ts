/** Drawings: every version of what an observer drew on a photograph, in its pixels. */
export const drawings = `
CREATE TABLE drawings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  imageId INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  observer TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  document TEXT NOT NULL CHECK (json_valid(document)),
  shapes INTEGER NOT NULL,
  createdAt TEXT NOT NULL,
  UNIQUE (imageId, observer, version)
) STRICT;
`;
