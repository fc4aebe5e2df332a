import type { ProviderName } from '../lens-trace/lens-trace.ts';
import { blockSizes } from '../../contract/models/prepared-model.ts';
import {
  blocksPerRow,
  dataBytesPerRow,
  dequantiseRow,
  zeroPointBytesPerRow,
} from '../weights/block-format.ts';
import { writeOnnxModel, type InitializerDef, type NodeDef } from '../onnx/onnx-writer.ts';
import { float32Data, float32Tensor, Session } from './session.ts';

/** Neither is a multiple of a block or of a kernel's tile. */
const [numRows, numColumns] = [75, 300] as const;
/** One state takes other kernels than many. */
const stateCounts = [1, 75] as const;
/** Of the largest product; sums of 300 float32 products differ by less. */
const tolerance = 1e-4;

/** One way to store rounded weights. */
interface BlockCase {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly hasZeroPoints: boolean;
}

const cases: readonly BlockCase[] = ([4, 8] as const).flatMap((bits) =>
  blockSizes.flatMap((blockSize) =>
    [true, false].map((hasZeroPoints) => ({ bits, blockSize, hasZeroPoints })),
  ),
);

/**
 * Tries products with weights of 4 and 8 bits, in every block size, with zero points and without.
 *
 * @returns null when all are right, else what was wrong
 */
export async function findWrongBlockProduct(provider: ProviderName): Promise<string | null> {
  const stored = cases.map(storeWeights);
  try {
    const session = await Session.create({ graph: buildProbe(stored), weightsFolder: '.', provider });
    try {
      for (const numStates of stateCounts) {
        const states = wave(numStates * numColumns, 1);
        const feeds = { states: float32Tensor(states, [numStates, numColumns]) };
        const outputs = await session.run(feeds, cases.map(nameOf));
        for (const [index, weights] of stored.entries()) {
          const name = nameOf(cases[index]!);
          if (!isProduct(float32Data(outputs[name]), states, weights.dense)) return describe(cases[index]!);
        }
      }
      return null;
    } finally {
      await session.release();
    }
  } catch (error) {
    return `products of rounded weights fail: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function describe({ bits, blockSize, hasZeroPoints }: BlockCase): string {
  const points = hasZeroPoints ? 'with zero points' : 'without zero points';
  return `products of ${bits}-bit weights in blocks of ${blockSize} ${points} are wrong`;
}

function nameOf({ bits, blockSize, hasZeroPoints }: BlockCase): string {
  return `q${bits}.${blockSize}.${hasZeroPoints ? 'z' : 'm'}`;
}

/** Bytes without a pattern, and what they mean. */
function storeWeights(layout: BlockCase) {
  const { bits, blockSize, hasZeroPoints } = layout;
  const [perRow, stride, zeroStride] = [blocksPerRow, dataBytesPerRow, zeroPointBytesPerRow].map((measure) =>
    measure(numColumns, layout),
  ) as [number, number, number];
  const data = noise(numRows * stride, bits * blockSize);
  const scales = wave(numRows * perRow, 2).map((value) => 0.01 + Math.abs(value) / 100);
  const zeroPoints = hasZeroPoints ? noise(numRows * zeroStride, blockSize) : null;
  const dense = new Float32Array(numRows * numColumns);
  for (let row = 0; row < numRows; row++) {
    dequantiseRow(
      data.subarray(row * stride, (row + 1) * stride),
      scales.subarray(row * perRow, (row + 1) * perRow),
      zeroPoints?.subarray(row * zeroStride, (row + 1) * zeroStride) ?? null,
      layout,
      dense.subarray(row * numColumns, (row + 1) * numColumns),
    );
  }
  return { layout, data, scales, zeroPoints, perRow, stride, zeroStride, dense };
}

type StoredWeights = ReturnType<typeof storeWeights>;

function buildProbe(stored: readonly StoredWeights[]): Uint8Array {
  const nodes: NodeDef[] = [];
  const initializers: InitializerDef[] = [];
  for (const { layout, data, scales, zeroPoints, perRow, stride, zeroStride } of stored) {
    const name = nameOf(layout);
    const bytes = new Uint8Array(scales.buffer);
    initializers.push(
      { name: `${name}.data`, type: 'uint8', shape: [numRows, perRow, stride / perRow], data },
      { name: `${name}.scales`, type: 'float32', shape: [numRows, perRow], data: bytes },
    );
    if (zeroPoints !== null)
      initializers.push({
        name: `${name}.zeros`,
        type: 'uint8',
        shape: [numRows, zeroStride],
        data: zeroPoints,
      });
    nodes.push({
      name,
      opType: 'MatMulNBits',
      domain: 'com.microsoft',
      inputs: ['states', `${name}.data`, `${name}.scales`, ...(zeroPoints === null ? [] : [`${name}.zeros`])],
      outputs: [name],
      // As the graphs of a model ask for it; see graph/linear.ts.
      attributes: {
        K: BigInt(numColumns),
        N: BigInt(numRows),
        bits: BigInt(layout.bits),
        block_size: BigInt(layout.blockSize),
        accuracy_level: 1n,
      },
    });
  }
  return writeOnnxModel({
    name: 'block-probe',
    nodes,
    inputs: [{ name: 'states', type: 'float32', shape: ['states', numColumns] }],
    outputs: cases.map((layout) => ({ name: nameOf(layout), type: 'float32', shape: ['states', numRows] })),
    initializers,
  });
}

/**
 * Whether found = states · denseᵀ, summed in float64.
 *
 * @param found float32 [states, rows]
 */
function isProduct(found: Float32Array, states: Float32Array, dense: Float32Array): boolean {
  const expected = Float64Array.from(found, (_, index) => {
    const [state, row] = [Math.floor(index / numRows), index % numRows];
    let sum = 0;
    for (let column = 0; column < numColumns; column++)
      sum += states[state * numColumns + column]! * dense[row * numColumns + column]!;
    return sum;
  });
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return found.every((value, index) => Math.abs(value - expected[index]!) <= tolerance * largest);
}

function wave(size: number, phase: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => 2 * Math.sin(phase + i * 0.7131));
}

/** The same bytes every time. */
function noise(size: number, seed: number): Uint8Array {
  let state = seed >>> 0;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}
