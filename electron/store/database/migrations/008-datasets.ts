/** Public data sets: what each image came with, and the places that it marks. */
export const datasets = `
CREATE TABLE datasets (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  licence TEXT NOT NULL,
  citation TEXT NOT NULL
) STRICT;
CREATE TABLE dataset_images (
  imageId INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  datasetId TEXT NOT NULL REFERENCES datasets (id),
  split TEXT,
  age INTEGER,
  PRIMARY KEY (imageId, datasetId)
) STRICT, WITHOUT ROWID;
CREATE TABLE image_regions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  imageId INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
  of TEXT NOT NULL,
  author TEXT NOT NULL,
  shape TEXT,
  mask BLOB,
  UNIQUE (imageId, of, author),
  CHECK ((shape IS NULL) <> (mask IS NULL))
) STRICT;
`;
