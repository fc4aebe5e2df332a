/**
 * What lists of traces are filtered and ordered by, in narrow rows beside the wide ones; the words of answers; and what was
 * removed and may come back.
 */
export const clinic = `
CREATE TABLE trace_list (
  traceId INTEGER PRIMARY KEY REFERENCES traces (id) ON DELETE CASCADE,
  imageId INTEGER,
  modelId INTEGER NOT NULL,
  promptId INTEGER NOT NULL,
  lens TEXT NOT NULL,
  verdict TEXT CHECK (verdict IN ('readable', 'not-readable', 'not-asked', 'none')),
  subjectId TEXT,
  layer INTEGER,
  readableCount INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX trace_list_by_image ON trace_list (imageId, traceId);
CREATE INDEX trace_list_by_layer ON trace_list (layer IS NULL, layer, traceId);
CREATE INDEX trace_list_unjudged ON trace_list (traceId) WHERE verdict IS NULL;

CREATE VIRTUAL TABLE trace_search USING fts5 (
  answer, content = '', contentless_delete = 1, prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2'
);

INSERT INTO trace_list (traceId, imageId, modelId, promptId, lens) SELECT id, imageId, modelId, promptId, lens FROM traces;
INSERT INTO trace_search (rowid, answer)
  SELECT id, replace(replace(generatedText, 'ё', 'е'), 'Ё', 'Е') FROM traces;

CREATE TRIGGER traces_are_listed AFTER INSERT ON traces BEGIN
  INSERT INTO trace_list (traceId, imageId, modelId, promptId, lens)
    VALUES (NEW.id, NEW.imageId, NEW.modelId, NEW.promptId, NEW.lens);
  INSERT INTO trace_search (rowid, answer) VALUES (NEW.id, replace(replace(NEW.generatedText, 'ё', 'е'), 'Ё', 'Е'));
END;
CREATE TRIGGER traces_are_unlisted AFTER DELETE ON traces BEGIN
  DELETE FROM trace_search WHERE rowid = OLD.id;
END;

CREATE TABLE trash (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  label TEXT NOT NULL,
  itemId INTEGER,
  files TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(files)),
  hashes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(hashes)),
  content BLOB NOT NULL,
  bytes INTEGER NOT NULL,
  removedAt TEXT NOT NULL
) STRICT;
CREATE INDEX trash_by_time ON trash (removedAt, id);
`;
