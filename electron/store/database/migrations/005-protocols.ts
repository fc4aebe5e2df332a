/** Description protocols: every version that an observer has kept of what a photograph shows. */
export const protocols = `
CREATE TABLE protocols (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  imageId INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  observer TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  document TEXT NOT NULL CHECK (json_valid(document)),
  assessed INTEGER NOT NULL,
  sources TEXT NOT NULL,
  createdAt TEXT NOT NULL,
  UNIQUE (imageId, observer, version)
) STRICT;
CREATE INDEX protocols_by_observer ON protocols (observer, imageId);
`;
