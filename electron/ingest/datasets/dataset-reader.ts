import type { ProtocolSchema } from '../../protocol/schema.ts';
import type { FileIndex, Table, TableRow } from './dataset-files.ts';
import { RecordBuilder, toProblem, type DatasetOrigin, type DatasetProblem } from './dataset-record.ts';

/** One kind of data set: how it is recognised, and how it is read. */
export interface DatasetReader {
  readonly origin: DatasetOrigin;
  /** Folders of pictures that show its photographs again, smaller or with drawings on them. */
  readonly copies?: RegExp;
  /** Says whether the files are laid out like this data set. */
  recognises: (index: FileIndex) => boolean;
  /** Reads every photograph; problems are noted and passed over. */
  read: (collector: RecordCollector, index: FileIndex) => void;
}

/** Gathers records and problems while a data set is read; a photograph named twice is one record. */
export class RecordCollector {
  readonly problems: DatasetProblem[] = [];
  private readonly builders = new Map<string, RecordBuilder>();
  private madeByAttempt: string[] = [];
  private readonly schema: ProtocolSchema;

  constructor(schema: ProtocolSchema) {
    this.schema = schema;
  }

  /** The record of a picture, made when it is first asked for. */
  at(imagePath: string): RecordBuilder {
    const known = this.builders.get(imagePath);
    if (known !== undefined) return known;
    const builder = new RecordBuilder(this.schema, imagePath);
    this.madeByAttempt.push(imagePath);
    this.builders.set(imagePath, builder);
    return builder;
  }

  /** The protocol's schema, for readers that measure. */
  get protocolSchema(): ProtocolSchema {
    return this.schema;
  }

  /** Does something for each row; a bad row becomes a problem and leaves no record behind. */
  eachRow(table: Table, read: (row: TableRow) => void): void {
    this.problems.push(...table.problems);
    for (const row of table.rows) this.attempt(row.path, row.line, () => read(row));
  }

  /** Does something that a bad file may stop; the problem is noted. */
  attempt(path: string, line: number | null, act: () => void): void {
    this.madeByAttempt = [];
    try {
      act();
    } catch (error) {
      this.problems.push(toProblem(error, path, line));
      for (const image of this.madeByAttempt) this.builders.delete(image);
    }
  }

  get records(): readonly RecordBuilder[] {
    return [...this.builders.values()];
  }
}
