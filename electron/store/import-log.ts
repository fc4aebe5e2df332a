import { importStatuses } from '../contract/imports/imports.ts';
import type {
  ImportCounts,
  ImportEntry,
  ImportReason,
  ImportReport,
  ImportState,
} from '../contract/imports/imports.ts';
import type {
  ImportMiss,
  ImportRecord,
  ImportRepeat,
  ImportStore,
} from '../contract/imports/import-store.ts';
import type { LibraryImage } from '../contract/images/library-image.ts';
import type { AuditLog } from './audit-log.ts';
import type { Datasets } from './images/datasets.ts';
import { found, query } from './database/database.ts';
import type { Database } from './database/database.ts';
import type { Findings } from './images/findings.ts';
import type { Images } from './images/images.ts';
import { normaliseCode } from './patients.ts';
import type { Patients } from './patients.ts';
import type { Tags } from './images/tags.ts';
import type { Visits } from './visits.ts';

export interface ImportAggregates {
  readonly patients: Patients;
  readonly visits: Visits;
  readonly images: Images;
  readonly findings: Findings;
  readonly tags: Tags;
  readonly datasets: Datasets;
  readonly audit: AuditLog;
}

/** Takes in batches of decoded files and keeps what became of every file. */
export class ImportLog implements ImportStore {
  readonly #db: Database;
  readonly #to: ImportAggregates;
  readonly #now: () => Date;

  constructor(db: Database, aggregates: ImportAggregates, now: () => Date) {
    this.#db = db;
    this.#to = aggregates;
    this.#now = now;
  }

  begin(sources: readonly string[]): number {
    return this.#db.transaction(() => {
      const { lastInsertRowid } = this.#db.run(
        query.insertInto('imports').values({
          state: 'running',
          sources: JSON.stringify(sources),
          startedAt: this.#now().toISOString(),
          finishedAt: null,
        }),
      );
      this.#to.audit.append('import.begin', `import ${Number(lastInsertRowid)}`);
      return Number(lastInsertRowid);
    });
  }

  commit(
    importId: number,
    records: readonly (ImportRecord | ImportRepeat)[],
    misses: readonly ImportMiss[],
  ): ImportEntry[] {
    return this.#db.transaction(() => {
      const entries = [
        ...records.map((record) => this.#take(record)),
        ...misses.map((miss) => ({ ...miss, imageId: null })),
      ];
      for (const entry of entries) {
        this.#db.run(query.insertInto('import_entries').values({ importId, ...entry }));
      }
      return entries;
    });
  }

  finish(importId: number, state: Exclude<ImportState, 'running'>): void {
    this.#db.transaction(() => {
      const finishedAt = this.#now().toISOString();
      this.#db.run(query.updateTable('imports').set({ state, finishedAt }).where('id', '=', importId));
      this.#to.audit.append('import.finish', `import ${importId}`, { state, counts: this.counts(importId) });
    });
  }

  hasContent(sha256: string): boolean {
    return this.#to.images.findBySha256(sha256) !== undefined;
  }

  counts(importId: number): ImportCounts {
    const rows = this.#db.rows<{ status: (typeof importStatuses)[number]; n: number }>(
      'SELECT status, count(*) AS n FROM import_entries WHERE importId = ? GROUP BY status',
      [importId],
    );
    const counts = Object.fromEntries(importStatuses.map((status) => [status, 0])) as ImportCounts;
    for (const { status, n } of rows) counts[status] = n;
    return counts;
  }

  report(importId: number): ImportReport {
    const row = found(
      this.#db.get(query.selectFrom('imports').selectAll().where('id', '=', importId)),
      'such import',
    );
    const entries = this.#db.all(
      query
        .selectFrom('import_entries')
        .select(['path', 'status', 'reason', 'detail', 'sha256', 'imageId'])
        .where('importId', '=', importId)
        .orderBy('id'),
    );
    return {
      schema: 'fundus-lens.import-report/1',
      ...row,
      sources: JSON.parse(row.sources) as string[],
      counts: this.counts(importId),
      entries: entries.map((entry) => ({ ...entry, reason: entry.reason as ImportReason | null })),
    };
  }

  /** Newest first, without their entries. */
  list(limit: number): Omit<ImportReport, 'schema' | 'entries'>[] {
    const rows = this.#db.all(query.selectFrom('imports').selectAll().orderBy('id', 'desc').limit(limit));
    return rows.map((row) => ({
      ...row,
      sources: JSON.parse(row.sources) as string[],
      counts: this.counts(row.id),
    }));
  }

  /** Marks imports that a crash cut short; what they had committed is in the library. */
  closeInterrupted(): number {
    const open = this.#db.all(query.selectFrom('imports').select('id').where('state', '=', 'running'));
    for (const { id } of open) this.finish(id, 'failed');
    return open.length;
  }

  #take(record: ImportRecord | ImportRepeat): ImportEntry {
    const isRepeat = 'repeat' in record;
    const path = isRepeat ? record.path : record.image.originalPath;
    const sha256 = isRepeat ? record.sha256 : record.image.sha256;
    const known = this.#to.images.findBySha256(sha256);
    if (known !== undefined) {
      const compared = this.#compare(known, record.patient);
      if (record.dataset === null || compared.status === 'conflict') return { path, sha256, ...compared };
      const isNew = this.#to.datasets.put(known.id, record.dataset);
      const { title } = record.dataset.origin;
      const added = isNew ? ` What ${title} says of it was added.` : '';
      return { path, sha256, ...compared, detail: compared.detail + added };
    }
    if (isRepeat) {
      const detail = 'The image was removed from the library meanwhile; import the file again.';
      return { path, sha256, status: 'failed', reason: 'file.changed', detail, imageId: null };
    }
    const { image, patient, visit } = record;
    const patientId = patient === null ? null : this.#to.patients.ensure(patient);
    const visitId = patientId === null || visit === null ? null : this.#to.visits.ensure(patientId, visit);
    const imageId = this.#to.images.insert(image, patientId, visitId);
    for (const tag of record.tags) this.#to.tags.add([imageId], tag);
    for (const finding of record.findings) this.#to.findings.put({ imageId, ...finding });
    if (record.dataset !== null) this.#to.datasets.put(imageId, record.dataset);
    return { path, sha256, status: 'added', reason: null, detail: image.remarks.join('; '), imageId };
  }

  /** The same content again is a duplicate; under another patient's code it is a conflict for a person to settle. */
  #compare(
    known: LibraryImage,
    patient: ImportRecord['patient'],
  ): Pick<ImportEntry, 'status' | 'reason' | 'detail' | 'imageId'> {
    const imageId = known.id;
    const knownCode = known.patientId === null ? null : this.#to.patients.get(known.patientId).code;
    if (patient !== null && knownCode !== null && knownCode !== normaliseCode(patient.code)) {
      const detail = `The same content is in the library as image ${imageId} of another patient; it was not added again.`;
      return { status: 'conflict', reason: 'conflict.other-patient', detail, imageId };
    }
    const detail = `The same content is in the library as image ${imageId}.`;
    return { status: 'duplicate', reason: 'duplicate.in-library', detail, imageId };
  }
}
