import { openCheckpoint, type Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { embedPrompt } from '../model/decoder-run.ts';
import { PositionFeeds } from '../model/position-feeds.ts';
import { cpuTarget, type GraphTarget } from '../graph/graph-target.ts';
import { momentsOf, observedProjections } from '../graph/input-moments.ts';
import { inputWidth } from '../families/shared/model-config.ts';
import type { PreprocessedImage } from '../image/preprocess.ts';
import { LensHead } from '../lens/lens-head.ts';
import { compileGraphs, type CompiledGraphs } from '../model/load-model.ts';
import { numTokens } from '../model/model.ts';
import { composePrompt, type ComposedPrompt } from '../model/compose-prompt.ts';
import { ResidentSession } from '../runtime/resident-session.ts';
import { float32Data, float32Tensor, int64Tensor, Session, type Tensors } from '../runtime/session.ts';
import { encodeImages } from '../model/vision-encoder.ts';

/** A prompt about an image, to be read at some positions. */
export interface StreamedCase {
  readonly image: PreprocessedImage;
  readonly prompt: string;
  readonly rows: readonly number[];
}

/** @param moments float32 [groups, 256, 256] of one case, under its output's name; see `observeInput` */
type OnMoments = (name: string, moments: Float32Array) => void;

/** Of the unembedding, widened. */
const headBytes = 256 * 2 ** 20;

/**
 * A model on the cpu of which never more than the vision tower, one decoder block or the lens head is in memory: every
 * block is loaded once and all cases go through it.
 */
export class StreamedModel {
  readonly checkpoint: Checkpoint;
  readonly head: LensHead;
  readonly #graphs: CompiledGraphs;
  readonly #target: GraphTarget;
  readonly #headSession: ResidentSession;

  private constructor(checkpoint: Checkpoint) {
    this.checkpoint = checkpoint;
    // Float32 weights are mapped as they are; the optimiser finds nothing to widen in them.
    const isFloat32 = [...checkpoint.weights].every(({ dtype }) => dtype === 'F32');
    this.#target = { ...cpuTarget, widen: isFloat32 ? 'once' : 'per-use', maxBufferBytes: headBytes };
    this.#graphs = compileGraphs(checkpoint, this.#target);
    this.#headSession = new ResidentSession(this.#source(this.#graphs.head), { staysLoaded: true });
    this.head = new LensHead(this.#headSession, {
      numTokens: numTokens(checkpoint),
      dModel: checkpoint.config.decoder.dModel,
      slices: this.#graphs.slices,
      chunkBytes: headBytes,
      rankSlots: 0,
    });
  }

  /** @throws FundusLensError `model.*` */
  static async open(folder: string): Promise<StreamedModel> {
    return new StreamedModel(await openCheckpoint(folder));
  }

  compose({ image, prompt }: Pick<StreamedCase, 'image' | 'prompt'>): ComposedPrompt {
    return composePrompt(this.checkpoint, prompt, image.grid, 0);
  }

  /**
   * Runs every case through every block.
   *
   * @param onLayer called before each block and awaited; may throw to end the work
   * @param onMoments called after each block and case with the second moments of the inputs of its projections
   * @returns by case and layer 0…L, float32 [rows, D], before the final norm
   */
  async read(
    cases: readonly StreamedCase[],
    onLayer: (layer: number) => Promise<void>,
    onMoments?: OnMoments,
  ): Promise<Float32Array[][]> {
    const { checkpoint } = this;
    const { config } = checkpoint;
    const { decoder } = config;
    const streams = await this.#embed(cases, onLayer);
    const width = inputWidth(decoder);
    const residual = cases.map(({ rows }, index) => [pickRows(streams[index]!, rows, width, decoder.dModel)]);
    const feeds = cases.map((one) => this.#feeds(one));
    for (let layer = 0; layer < decoder.numLayers; layer++) {
      await onLayer(layer);
      const range = { start: layer, end: layer + 1 };
      const target = { ...this.#target, observeInputs: onMoments !== undefined };
      const graph = checkpoint.family.buildDecoder(config, checkpoint.weights, target, range);
      const observed = onMoments === undefined ? [] : momentsIn(layer);
      const session = await Session.create(this.#source(graph));
      try {
        for (const [index, stream] of streams.entries()) {
          const isLast = layer === decoder.numLayers - 1;
          const name = `residual.${layer + 1}`;
          const outputs = await session.run(
            {
              ...feeds[index],
              ...emptyCache(layer, decoder),
              embeds: float32Tensor(stream, [stream.length / width, width]),
            },
            isLast ? [name, ...observed] : [name, 'stream', ...observed],
          );
          for (const moments of observed) onMoments?.(moments, float32Data(outputs[moments]));
          residual[index]!.push(float32Data(outputs[name]));
          if (!isLast) streams[index] = float32Data(outputs['stream']);
        }
      } finally {
        await session.release();
      }
    }
    return residual;
  }

  async release(): Promise<void> {
    await this.#headSession.release();
  }

  /** By case float32 [T, inputWidth]; an image is encoded once, however many prompts ask about it. */
  async #embed(
    cases: readonly StreamedCase[],
    onLayer: (layer: number) => Promise<void>,
  ): Promise<Float32Array[]> {
    const { checkpoint } = this;
    const vision = new ResidentSession(this.#source(this.#graphs.vision), { staysLoaded: true });
    const encoded = new Map<PreprocessedImage, Float32Array>();
    try {
      for (const { image } of cases) {
        await onLayer(0);
        if (encoded.has(image)) continue;
        const [embeds] = await encodeImages({ checkpoint, vision }, [image]);
        encoded.set(image, embeds!);
      }
    } finally {
      await vision.release();
    }
    return cases.map((one) => embedPrompt(this, this.compose(one), encoded.get(one.image)!));
  }

  #feeds(one: StreamedCase): Tensors {
    const prompt = this.compose(one);
    const length = prompt.tokenIds.length;
    const positions = new PositionFeeds(this.checkpoint, prompt, length, this.#target.attention);
    return {
      ...positions.of({ batch: 1, length, sequence: length }),
      rows: int64Tensor(BigInt64Array.from(one.rows, BigInt), [one.rows.length]),
    };
  }

  #source(graph: Uint8Array) {
    const weightsFolder = this.checkpoint.weights.folder;
    return { graph, weightsFolder, provider: 'cpu', widen: this.#target.widen } as const;
  }
}

function momentsIn(layer: number): string[] {
  return observedProjections.map((projection) => momentsOf(`model.layers.${layer}.${projection}`)!);
}

function emptyCache(
  layer: number,
  { numKeyValueHeads, headDim }: { readonly numKeyValueHeads: number; readonly headDim: number },
): Tensors {
  const empty = () => float32Tensor(new Float32Array(0), [1, numKeyValueHeads, 0, headDim]);
  return { [`past.${layer}.key`]: empty(), [`past.${layer}.value`]: empty() };
}

/** The first `kept` numbers of single rows. */
function pickRows(matrix: Float32Array, rows: readonly number[], width: number, kept: number): Float32Array {
  const picked = new Float32Array(rows.length * kept);
  rows.forEach((row, index) => picked.set(matrix.subarray(row * width, row * width + kept), index * kept));
  return picked;
}
