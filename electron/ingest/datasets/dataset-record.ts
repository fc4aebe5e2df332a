import { FundusLensError } from '../../contract/errors.ts';
import { setValue } from '../../protocol/edit.ts';
import type { PolygonShape } from '../../protocol/geometry/shapes.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { createProtocol, type Protocol } from '../../protocol/protocol.ts';
import type { ProtocolSchema } from '../../protocol/schema.ts';

/** A file of a data set as it was found. Tables and contours are read before; of pictures only the path is needed. */
export interface DatasetFile {
  /** With `/`, relative to the folder that was chosen. */
  readonly path: string;
  /** Content of a text file; null for everything else. */
  readonly text: string | null;
}

/** Who made a data set and on what terms. */
export interface DatasetOrigin {
  readonly id: string;
  readonly title: string;
  /** As its makers state it. */
  readonly licence: string;
  readonly citation: string;
}

export interface DatasetMask {
  /** Field id of a lesion, or `disc`. */
  readonly of: string;
  readonly path: string;
}

export interface DatasetOutline {
  readonly of: 'disc' | 'cup';
  /** Who drew it, as the data set calls them. */
  readonly author: string;
  readonly outline: PolygonShape;
}

/** One photograph of a data set with everything that the data set says about it. */
export interface DatasetRecord {
  readonly dataset: string;
  readonly imagePath: string;
  /** The data set's own number of the patient; null when it does not tell patients apart. */
  readonly patientCode: string | null;
  readonly eye: 'R' | 'L' | 'unknown';
  /** Visit as the data set calls it; null when it has none. */
  readonly visit: string | null;
  /** The data set's own division, such as "train"; null when it has none. */
  readonly split: string | null;
  readonly age: number | null;
  readonly sex: 'F' | 'M' | null;
  /** What has a place in the protocol; every value has the source `imported`. */
  readonly values: Protocol['values'];
  /** Labels that have no field, in the data set's words. */
  readonly findings: readonly { readonly label: string; readonly value: string | null }[];
  readonly masks: readonly DatasetMask[];
  readonly outlines: readonly DatasetOutline[];
  /** Centres in pixels of the original photograph. */
  readonly points: Readonly<Partial<Record<'disc' | 'fovea', readonly [number, number]>>>;
  readonly licence: string;
}

/** A line or file that was passed over, and why. */
export interface DatasetProblem {
  readonly path: string;
  /** Line of the table, 1 being its header; null for a whole file. */
  readonly line: number | null;
  readonly expected: string;
  readonly found: string;
}

/** Collects what is said about one photograph. */
export class RecordBuilder {
  eye: DatasetRecord['eye'] = 'unknown';
  patientCode: string | null = null;
  split: string | null = null;
  age: number | null = null;
  sex: DatasetRecord['sex'] = null;
  readonly findings: { label: string; value: string | null }[] = [];
  readonly masks: DatasetMask[] = [];
  readonly outlines: DatasetOutline[] = [];
  readonly points: Partial<Record<'disc' | 'fovea', readonly [number, number]>> = {};
  private protocol: Protocol;
  readonly imagePath: string;
  private readonly schema: ProtocolSchema;

  constructor(schema: ProtocolSchema, imagePath: string) {
    this.schema = schema;
    this.imagePath = imagePath;
    this.protocol = createProtocol(schema);
  }

  /**
   * Enters a label in the protocol.
   *
   * @throws ProtocolError when the field does not allow the value
   */
  label(fieldId: string, value: string | number): this {
    this.protocol = setValue(this.schema, this.protocol, fieldId, value, { source: 'imported' });
    return this;
  }

  /** Sets the eye, in the record and in the protocol. */
  setEye(eye: 'R' | 'L'): this {
    this.eye = eye;
    return this.label('header.eye', eye === 'R' ? 'OD' : 'OS');
  }

  find(label: string, value: string | null = null): this {
    if (!this.findings.some((each) => each.label === label)) this.findings.push({ label, value });
    return this;
  }

  build(origin: DatasetOrigin): DatasetRecord {
    const { imagePath, patientCode, eye, split, age, sex, findings, masks, outlines, points } = this;
    const values = this.protocol.values;
    return {
      dataset: origin.id,
      licence: origin.licence,
      visit: null,
      ...{ imagePath, patientCode, eye, split, age, sex, values, findings, masks, outlines, points },
    };
  }
}

/** What is wrong with a row, from the error that reading it threw; anything else is thrown on. */
export function toProblem(error: unknown, path: string, line: number | null): DatasetProblem {
  if (error instanceof FundusLensError) {
    return { path, line, expected: error.expected ?? error.summary, found: error.found ?? '' };
  }
  if (!(error instanceof ProtocolError)) throw error;
  return { path, line, expected: error.details.expected ?? error.summary, found: error.details.found ?? '' };
}
