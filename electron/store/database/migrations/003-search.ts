/**
 * Full-text search. Triggers rebuild the text of an image when anything it is made of changes, so the index
 * cannot drift from the rows. A contentless table keeps the index alone. Cyrillic ё is folded into е on both sides.
 */
const reindex = (where: string) => `
  DELETE FROM image_search WHERE rowid IN (SELECT id FROM images WHERE ${where});
  INSERT INTO image_search (rowid, code, name, fileName, tags, note, findings, generated)
    SELECT id, code, name, fileName, tags, note, findings, generated FROM image_documents WHERE ${where};
`;

const trigger = (name: string, event: string, where: string) =>
  `CREATE TRIGGER search_${name} AFTER ${event} BEGIN ${reindex(where)} END;`;

const fold = (text: string) => `replace(replace(coalesce(${text}, ''), 'ё', 'е'), 'Ё', 'Е')`;

export const search = `
CREATE VIRTUAL TABLE image_search USING fts5 (
  code, name, fileName, tags, note, findings, generated,
  content = '', contentless_delete = 1, prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE VIEW image_documents AS SELECT
  images.id AS id,
  ${fold('patients.code')} AS code,
  ${fold('patients.name')} AS name,
  ${fold('images.fileName')} AS fileName,
  ${fold(`(SELECT group_concat(tags.name, ' ') FROM image_tags JOIN tags ON tags.id = image_tags.tagId
    WHERE image_tags.imageId = images.id)`)} AS tags,
  ${fold(`images.note || ' ' || coalesce(patients.note, '') || ' ' || coalesce(visits.label || ' ' || visits.note, '')`)} AS note,
  ${fold(`(SELECT group_concat(label || ' ' || coalesce(value, '') || ' ' || note, ' ') FROM findings
    WHERE findings.imageId = images.id)`)} AS findings,
  ${fold(`(SELECT group_concat(generatedText, ' ') FROM traces WHERE traces.imageId = images.id)`)} AS generated
FROM images
LEFT JOIN patients ON patients.id = images.patientId
LEFT JOIN visits ON visits.id = images.visitId;

INSERT INTO image_search (rowid, code, name, fileName, tags, note, findings, generated)
  SELECT id, code, name, fileName, tags, note, findings, generated FROM image_documents;

CREATE TRIGGER search_image_added AFTER INSERT ON images BEGIN
  INSERT INTO image_search (rowid, code, name, fileName, tags, note, findings, generated)
    SELECT id, code, name, fileName, tags, note, findings, generated FROM image_documents WHERE id = NEW.id;
END;
CREATE TRIGGER search_image_removed AFTER DELETE ON images BEGIN
  DELETE FROM image_search WHERE rowid = OLD.id;
END;
${trigger('image_changed', 'UPDATE OF fileName, note, patientId, visitId ON images', 'id = NEW.id')}
${trigger(
  'patient_changed',
  'UPDATE OF code, name, note ON patients',
  'id IN (SELECT id FROM images WHERE patientId = NEW.id)',
)}
${trigger(
  'visit_changed',
  'UPDATE OF label, note ON visits',
  'id IN (SELECT id FROM images WHERE visitId = NEW.id)',
)}
${trigger('tag_added', 'INSERT ON image_tags', 'id = NEW.imageId')}
${trigger('tag_removed', 'DELETE ON image_tags', 'id = OLD.imageId')}
${trigger(
  'tag_renamed',
  'UPDATE OF name ON tags',
  'id IN (SELECT imageId FROM image_tags WHERE tagId = NEW.id)',
)}
${trigger('finding_added', 'INSERT ON findings', 'id = NEW.imageId')}
${trigger('finding_changed', 'UPDATE OF label, value, note ON findings', 'id = NEW.imageId')}
${trigger('finding_removed', 'DELETE ON findings', 'id = OLD.imageId')}
${trigger('trace_added', 'INSERT ON traces', 'id = NEW.imageId')}
${trigger('trace_removed', 'DELETE ON traces', 'id = OLD.imageId')}
`;
