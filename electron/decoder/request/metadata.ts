/** One column of what is known of images without looking at them: a name (camera, field) or a number (age, width). */
export interface MetadataColumn {
  readonly name: string;
  /** [N]; null where it is not known. */
  readonly values: readonly (string | number | null)[];
}

export interface MetadataFeatures {
  /** float32 [N, width] */
  readonly values: Float32Array;
  readonly width: number;
  /** What each column stands for. */
  readonly names: readonly string[];
}

/**
 * Metadata as features of a baseline: a column for every name that occurs (1 or 0), a number brought to mean 0 and deviation 1
 * with 0 where it is not known, and a column for "not known" wherever that occurs.
 */
export function metadataFeatures(columns: readonly MetadataColumn[]): MetadataFeatures {
  const made = columns.flatMap(({ name, values }) => {
    const unknown = values.includes(null)
      ? [{ name: `${name}: unknown`, values: values.map((value) => (value === null ? 1 : 0)) }]
      : [];
    const numbers = values.filter((value) => typeof value === 'number');
    const words = new Set(values.filter((value) => typeof value === 'string'));
    return [
      ...[...words].map((word) => ({
        name: `${name}: ${word}`,
        values: values.map((value) => (value === word ? 1 : 0)),
      })),
      ...(numbers.length > 0 ? [{ name, values: standardise(values, numbers) }] : []),
      ...unknown,
    ];
  });
  const rows = columns[0]?.values.length ?? 0;
  const features = new Float32Array(rows * made.length);
  made.forEach(({ values }, column) =>
    values.forEach((value, row) => (features[row * made.length + column] = value)),
  );
  return { values: features, width: made.length, names: made.map(({ name }) => name) };
}

function standardise(values: readonly (string | number | null)[], numbers: readonly number[]): number[] {
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
  const scale = variance > 0 ? 1 / Math.sqrt(variance) : 0;
  return values.map((value) => (typeof value === 'number' ? (value - mean) * scale : 0));
}
