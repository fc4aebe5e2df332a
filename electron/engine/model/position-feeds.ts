import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ImagePlace } from '../families/shared/family.ts';
import { decoderAttentionKind, type DecoderConfig } from '../families/shared/model-config.ts';
import type { GraphTarget } from '../graph/graph-target.ts';
import { buildRotationTable, type RotationTable } from '../graph/rotation.ts';
import { float32Tensor, int32Tensor, int64Tensor, type Tensors } from '../runtime/session.ts';

/** A score that softmax turns into exactly 0 in float32, and that stays finite. */
const hidden = -1e30;

/** Where one position may not look: [its position, the position that is hidden from it]. */
export type HiddenEdge = readonly [number, number];

/** A pass of the last S of T positions, B sequences side by side. */
interface Pass {
  readonly batch: number;
  /** T */
  readonly length: number;
  /** S */
  readonly sequence: number;
  /** Where attention is composed. */
  readonly hiddenEdges?: readonly HiddenEdge[];
}

/** What the decoder takes beside embeddings and cache: the shapes of a pass, rotations, and what each position may look at. */
export class PositionFeeds {
  /** By axis, int32 [maxLength]. */
  readonly positionIds: readonly Int32Array[];
  readonly #decoder: DecoderConfig;
  readonly #pieces: readonly (readonly [number, number])[];
  readonly #isFused: boolean;
  readonly #rotation: RotationTable;
  /** Of blocks that see a window. */
  readonly #slidingRotation: RotationTable | null;

  /** @param attention what the graph was compiled for */
  constructor(
    { family, config: { decoder } }: Pick<Checkpoint, 'family' | 'config'>,
    place: ImagePlace,
    maxLength: number,
    attention: GraphTarget['attention'],
  ) {
    this.positionIds = family.positionIds(maxLength, place);
    this.#decoder = decoder;
    this.#pieces = decoder.imageSeesItself === true ? place.imagePieces.map(({ span }) => span) : [];
    this.#isFused = decoderAttentionKind(decoder, attention) === 'fused';
    const { headDim, ropeAxes, sliding } = decoder;
    this.#rotation = buildRotationTable(this.positionIds, decoder);
    this.#slidingRotation =
      sliding === undefined
        ? null
        : buildRotationTable(this.positionIds, { headDim, ropeAxes, ropeTheta: sliding.ropeTheta });
  }

  of(pass: Pass): Tensors {
    return { ...this.#shapes(pass), ...this.#rotations(pass.length), ...this.#attention(pass) };
  }

  /** How the rows of a pass are laid out as B sequences of S positions. */
  #shapes({ batch, sequence }: Pass): Tensors {
    const { numHeads, numKeyValueHeads, headDim } = this.#decoder;
    const shape = (heads: number) =>
      int64Tensor(BigInt64Array.from([batch, sequence, heads * headDim], BigInt), [3]);
    return { query_shape: shape(numHeads), key_value_shape: shape(numKeyValueHeads) };
  }

  #rotations(length: number): Tensors {
    const first = (values: Float32Array, halfDim: number) =>
      float32Tensor(values.subarray(0, length * halfDim), [length, halfDim]);
    const named = (prefix: string, { cos, sin, halfDim }: RotationTable): Tensors => ({
      [`${prefix}cos`]: first(cos, halfDim),
      [`${prefix}sin`]: first(sin, halfDim),
    });
    const sliding = this.#slidingRotation === null ? {} : named('sliding_', this.#slidingRotation);
    return { ...named('', this.#rotation), ...sliding };
  }

  /** What the last S of T positions may look at. */
  #attention({ batch, length, sequence, hiddenEdges = [] }: Pass): Tensors {
    if (this.#isFused) {
      return {
        last_position: int32Tensor(new Int32Array(batch).fill(length - 1), [batch]),
        total_length: int32Tensor(Int32Array.of(length), []),
      };
    }
    const past = length - sequence;
    const bias = (window: number) =>
      float32Tensor(this.#bias(past, length, window, hiddenEdges), [sequence, length]);
    const { sliding } = this.#decoder;
    return {
      past_length: int64Tensor(BigInt64Array.of(BigInt(past)), [1]),
      causal_bias: bias(Infinity),
      ...(sliding === undefined ? {} : { sliding_bias: bias(sliding.window) }),
    };
  }

  /**
   * A position sees itself and what is before it, and where the image sees itself all of its piece; of that the last `window`
   * positions up to itself and everything after itself.
   *
   * @returns float32 [length − past, length]
   */
  #bias(
    past: number,
    length: number,
    window: number,
    hiddenEdges: readonly HiddenEdge[],
  ): Float32Array<ArrayBuffer> {
    const bias = new Float32Array((length - past) * length);
    for (let position = past; position < length; position++) {
      const row = (position - past) * length;
      const piece = this.#pieces.find(([start, end]) => start <= position && position < end);
      bias.fill(hidden, row, row + Math.max(0, position - window + 1));
      bias.fill(hidden, row + Math.min(length, piece?.[1] ?? position + 1), row + length);
    }
    for (const [from, to] of hiddenEdges) bias[(from - past) * length + to] = hidden;
    return bias;
  }
}
