/** What a report says of one trace; texts are plain. */
export interface ReportSection {
  readonly title: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** What is readable, from which layer on, in sentences; empty for traces from before there was a verdict. */
  readonly verdict: readonly string[];
  readonly warnings: readonly string[];
  readonly tables: readonly ReportTable[];
  /** JPEG of what the model was shown; null of a prompt alone, or when the photograph is gone. */
  readonly picture: Buffer | null;
}

export interface ReportTable {
  readonly title: string;
  readonly note: string | null;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
