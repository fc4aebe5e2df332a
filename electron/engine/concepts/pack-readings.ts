import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { poolStep } from '../readability/token-null.ts';
import type { ControlReading } from './control-reading.ts';

/** What was read, without what it was read of. */
export type ReadingNumbers = Omit<ControlReading, 'source'>;

interface ReadingHeader {
  /** [concepts, layers] */
  readonly answer: readonly [number, number];
  /** [layers, tokens of the pool] */
  readonly pool: readonly [number, number];
  readonly cells: boolean;
}

/**
 * One reading as bytes: a header, then float32 answers, cells, the leading tokens' places and complements, and the pool as
 * bytes, of which it is a whole number of steps.
 */
export function packReading({ answer, pool, cells }: ReadingNumbers): Uint8Array<ArrayBuffer> {
  const shape = (rows: readonly Float32Array[]) => [rows.length, rows[0]?.length ?? 0] as const;
  const header: ReadingHeader = {
    answer: shape(answer),
    pool: shape(pool.map(({ logProbs }) => logProbs)),
    cells: cells !== null,
  };
  const tops = pool.flatMap(({ topPlace, topLogComplement }) => [topPlace, topLogComplement]);
  const floats = [...answer, ...(cells ?? []), Float32Array.from(tops)];
  const steps = pool.map(({ logProbs }) => Uint8Array.from(logProbs, (value) => -value / poolStep));
  return joinParts(header, [
    ...floats.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)),
    ...steps,
  ]);
}

/** @throws Error for bytes that are no reading, or not all of one */
export function unpackReading(bytes: Uint8Array): ReadingNumbers {
  const [header, data] = splitHeader(bytes) as [ReadingHeader, Uint8Array];
  const [concepts, layers] = header.answer;
  const [poolLayers, tokens] = header.pool;
  const numFloats = concepts * layers * (header.cells ? 2 : 1) + 2 * poolLayers;
  if (data.length !== 4 * numFloats + poolLayers * tokens)
    throw new RangeError(`${data.length} bytes of a control's reading`);
  // A copy, so that floats begin where floats may begin.
  const floats = new Float32Array(data.slice(0, 4 * numFloats).buffer);
  const steps = data.subarray(4 * numFloats);
  const rowsFrom = (start: number) =>
    Array.from({ length: concepts }, (_, row) =>
      floats.subarray(start + row * layers, start + (row + 1) * layers),
    );
  const tops = floats.subarray(numFloats - 2 * poolLayers);
  return {
    answer: rowsFrom(0),
    cells: header.cells ? rowsFrom(concepts * layers) : null,
    pool: Array.from({ length: poolLayers }, (_, layer) => ({
      logProbs: Float32Array.from(
        steps.subarray(layer * tokens, (layer + 1) * tokens),
        (step) => -step * poolStep,
      ),
      topPlace: tops[2 * layer]!,
      topLogComplement: tops[2 * layer + 1]!,
    })),
  };
}

/** Packed readings of one set of circumstances as one compressed file, by the names of their controls. */
export function bundleReadings(packed: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const header = Array.from(packed, ([name, { length }]) => ({ name, length }));
  return brotliCompressSync(joinParts(header, [...packed.values()]), {
    params: { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS },
  });
}

/** @throws Error for bytes that are no such file */
export function openBundle(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const [header, data] = splitHeader(brotliDecompressSync(bytes)) as [
    { name: string; length: number }[],
    Uint8Array,
  ];
  let end = 0;
  return new Map(
    header.map(({ name, length }) => {
      const start = end;
      end += length;
      if (end > data.length) throw new RangeError(`the reading of ${name} is not all there`);
      return [name, data.subarray(start, end)] as const;
    }),
  );
}

/** Length of the header, header as JSON, parts. */
function joinParts(header: unknown, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Uint8Array.from(Buffer.concat([length, text, ...parts]));
}

function splitHeader(bytes: Uint8Array): [unknown, Uint8Array] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + buffer.readUInt32LE(0);
  // Not a part of a Buffer, whose slice is no copy.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + end, bytes.length - end);
  return [JSON.parse(buffer.toString('utf8', 4, end)), data];
}
