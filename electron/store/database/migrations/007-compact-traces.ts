/** Documents of traces at rest are compressed against what the traces of one model, prompt and concept set share. */
export const compactTraces = `
CREATE TABLE trace_dictionaries (
  id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE,
  data BLOB NOT NULL
) STRICT;
ALTER TABLE traces ADD COLUMN documentBytes BLOB;
ALTER TABLE traces ADD COLUMN dictionaryId INTEGER REFERENCES trace_dictionaries (id);
CREATE INDEX traces_by_dictionary ON traces (dictionaryId);
`;
