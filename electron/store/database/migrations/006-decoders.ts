/** What was read inside models: features of images, margins of answers, and the decoders fitted on them. */
export const decoders = `
CREATE TABLE taps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  imageId INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  modelSha256 TEXT NOT NULL,
  prompt TEXT NOT NULL,
  maxPixels INTEGER NOT NULL,
  createdAt TEXT NOT NULL,
  UNIQUE (imageId, modelSha256, prompt, maxPixels)
) STRICT;
CREATE TABLE tap_features (
  tapId INTEGER NOT NULL REFERENCES taps (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  layer INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (tapId, name, layer)
) STRICT;
CREATE TABLE answer_margins (
  imageId INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  modelSha256 TEXT NOT NULL,
  maxPixels INTEGER NOT NULL,
  question TEXT NOT NULL,
  language TEXT NOT NULL,
  polarity TEXT NOT NULL CHECK (polarity IN ('positive', 'negative')),
  prompt TEXT NOT NULL,
  data BLOB NOT NULL,
  createdAt TEXT NOT NULL,
  PRIMARY KEY (imageId, modelSha256, maxPixels, question, language, polarity)
) STRICT;
CREATE TABLE decoders (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('shipped', 'fitted', 'imported')),
  modelSha256 TEXT NOT NULL,
  sha256 TEXT NOT NULL UNIQUE,
  data BLOB NOT NULL,
  createdAt TEXT NOT NULL
) STRICT;
`;
