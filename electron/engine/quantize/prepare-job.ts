import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { dataBytesPerRow, zeroPointBytesPerRow } from '../weights/block-format.ts';
import { bytesPerElement } from '../weights/safetensors.ts';
import { momentsGroup } from '../graph/input-moments.ts';
import { calibrationFile } from './calibration-file.ts';
import { narrowToFloat16, sumOfSquares, widenChunk } from './chunk-format.ts';
import type { FeedbackFactors } from './error-feedback.ts';
import type { PlannedTensor } from './plan.ts';
import { quantiseRows } from './quantise-rows.ts';

/** Work for a thread: some rows of a tensor, or the hash of a tensor that is written whole. */
export type PrepareJob =
  | {
      readonly kind: 'rows';
      readonly tensor: PlannedTensor;
      readonly weightsFile: string;
      readonly firstRow: number;
      readonly numRows: number;
    }
  | { readonly kind: 'hash'; readonly tensor: PlannedTensor; readonly weightsFile: string };

/** Squared error and norm over the job's rows, or the hash. */
export interface PrepareResult {
  readonly squaredError: number;
  readonly squaredNorm: number;
  readonly sha256: string | null;
}

const hashBytes = 1 << 22;

/**
 * Buffers of this thread, kept from job to job: buffers allocated for every chunk are collected too late, and
 * memory would be whatever the collector leaves.
 */
const scratch = { bytes: new ArrayBuffer(0), values: new ArrayBuffer(0), halves: new ArrayBuffer(0) };

function borrow(name: keyof typeof scratch, bytes: number): ArrayBuffer {
  if (scratch[name].byteLength < bytes) scratch[name] = new ArrayBuffer(bytes);
  return scratch[name];
}

/**
 * Does one job, reading and writing at the ranges of the plan.
 *
 * @throws RangeError when a value is beyond float16, or whatever the file system throws
 */
export function runPrepareJob(job: PrepareJob): PrepareResult {
  if (job.kind === 'hash') {
    return { squaredError: 0, squaredNorm: 0, sha256: hashTensor(job.tensor, job.weightsFile) };
  }
  const target = openSync(job.weightsFile, 'r+');
  try {
    return { ...convertRows(job, target), sha256: null };
  } finally {
    closeSync(target);
  }
}

function convertRows(
  { tensor, weightsFile, firstRow, numRows }: Extract<PrepareJob, { kind: 'rows' }>,
  target: number,
): { squaredError: number; squaredNorm: number } {
  const { source, columns, format, block, data, scales, zeroPoints } = tensor;
  const sourceStride = columns * bytesPerElement[source.dtype];
  const bytes = readRange(source.file, source.offset + firstRow * sourceStride, numRows * sourceStride);
  if (keepsDtype(tensor)) {
    writeAll(target, bytes, data.offset + firstRow * sourceStride);
    return { squaredError: 0, squaredNorm: 1 };
  }
  const numValues = numRows * columns;
  const values = widenChunk(bytes, source.dtype, new Float32Array(borrow('values', 4 * numValues)));
  if (format === 'float32') {
    writeAll(target, values, data.offset + 4 * firstRow * columns);
    return { squaredError: 0, squaredNorm: 1 };
  }
  if (block === null) {
    const { halves, squaredError } = narrowToFloat16(
      values,
      new Float16Array(borrow('halves', 2 * numValues)),
    );
    writeAll(target, halves, data.offset + 2 * firstRow * columns);
    return { squaredError, squaredNorm: sumOfSquares(values) };
  }
  const rows = quantiseRows(values, columns, block, readFactors(tensor, weightsFile));
  writeAll(target, rows.data, data.offset + firstRow * dataBytesPerRow(columns, block));
  writeAll(target, rows.scales, scales!.offset + (firstRow * rows.scales.byteLength) / numRows);
  if (rows.zeroPoints !== null) {
    writeAll(target, rows.zeroPoints, zeroPoints!.offset + firstRow * zeroPointBytesPerRow(columns, block));
  }
  // Not the rows themselves: the result travels to another thread, which would keep them.
  return { squaredError: rows.squaredError, squaredNorm: rows.squaredNorm };
}

/** The last that were read: chunks of a matrix, and matrices that read the same input, follow each other. */
let lastFactors: { readonly key: string; readonly factors: FeedbackFactors } | null = null;

function readFactors(
  { factors: range, columns }: PlannedTensor,
  weightsFile: string,
): FeedbackFactors | null {
  if (range === null) return null;
  const file = calibrationFile(weightsFile);
  const key = `${file} ${range.offset}`;
  if (lastFactors?.key !== key) {
    // Not into the scratch buffer, which holds the rows to be rounded.
    const bytes = new Float32Array(range.bytes / 4);
    readRange(file, range.offset, range.bytes, new Uint8Array(bytes.buffer));
    const filled = Math.ceil(columns / momentsGroup) * momentsGroup;
    lastFactors = { key, factors: { weights: bytes.subarray(0, filled), shares: bytes.subarray(filled) } };
  }
  return lastFactors.factors;
}

function keepsDtype({ source, format }: PlannedTensor): boolean {
  const dtypes = { float32: 'F32', float16: 'F16', bfloat16: 'BF16', int8: null, int4: null } as const;
  return source.dtype === dtypes[format];
}

/** SHA-256 over data, scales and zero points, one after the other, as stored. */
function hashTensor({ data, scales, zeroPoints }: PlannedTensor, file: string): string {
  const hash = createHash('sha256');
  for (const range of [data, scales, zeroPoints]) {
    if (range === null) continue;
    for (let at = 0; at < range.bytes; at += hashBytes) {
      hash.update(readRange(file, range.offset + at, Math.min(hashBytes, range.bytes - at)));
    }
  }
  return hash.digest('hex');
}

function readRange(
  file: string,
  offset: number,
  length: number,
  bytes = new Uint8Array(borrow('bytes', length), 0, length),
): Uint8Array {
  const descriptor = openSync(file, 'r');
  try {
    for (let done = 0; done < length;) {
      const read = readSync(descriptor, bytes, done, length - done, offset + done);
      if (read === 0) throw new Error(`${file} ends before byte ${offset + length}`);
      done += read;
    }
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}

function writeAll(descriptor: number, values: ArrayBufferView, offset: number): void {
  for (let done = 0; done < values.byteLength;) {
    done += writeSync(
      descriptor,
      new Uint8Array(values.buffer, values.byteOffset + done, values.byteLength - done),
      0,
      values.byteLength - done,
      offset + done,
    );
  }
}
