/** Curves of every concept where the answer begins, so that statistics of a group never read a whole trace. */
export const traceCurves = `
CREATE TABLE curve_concepts (
  id INTEGER PRIMARY KEY,
  conceptIds TEXT NOT NULL UNIQUE CHECK (json_valid(conceptIds))
) STRICT;
CREATE TABLE trace_curves (
  traceId INTEGER PRIMARY KEY REFERENCES traces (id) ON DELETE CASCADE,
  conceptsId INTEGER NOT NULL REFERENCES curve_concepts (id),
  reading TEXT NOT NULL CHECK (reading IN ('words', 'first-tokens')),
  numLayers INTEGER NOT NULL,
  logProbs BLOB NOT NULL,
  emergence BLOB NOT NULL
) STRICT;
`;
