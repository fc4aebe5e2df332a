import { availableParallelism } from 'node:os';
import * as ort from 'onnxruntime-node';
import { FundusLensError } from '../../contract/errors.ts';
import type { ProviderName } from '../lens-trace/lens-trace.ts';

export type Tensor = ort.Tensor;
export type Tensors = Readonly<Record<string, Tensor>>;

export const onnxruntimeVersion = ort.env.versions.node ?? ort.env.versions.common;

export function float32Tensor(data: Float32Array, shape: readonly number[]): Tensor {
  return new ort.Tensor('float32', data, shape);
}

export function int64Tensor(data: BigInt64Array, shape: readonly number[]): Tensor {
  return new ort.Tensor('int64', data, shape);
}

export function int32Tensor(data: Int32Array, shape: readonly number[]): Tensor {
  return new ort.Tensor('int32', data, shape);
}

export function boolTensor(values: readonly boolean[], shape: readonly number[]): Tensor {
  return new ort.Tensor('bool', Uint8Array.from(values, Number), shape);
}

export interface SessionSource {
  /** Serialised ModelProto. */
  readonly graph: Uint8Array;
  /** Folder that external data is located in; see docs/architecture.md. */
  readonly weightsFolder: string;
  readonly provider: ProviderName;
  /** What the graph was built for; see `GraphTarget`. */
  readonly widen?: 'once' | 'per-use';
}

/** One compiled graph on one execution provider. */
export class Session {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** @throws FundusLensError `provider.unavailable` when the provider cannot be started on this machine */
  static async create({ graph, weightsFolder, provider, widen = 'once' }: SessionSource): Promise<Session> {
    // ONNX Runtime lets cuBLAS and cuDNN round factors of float32 products to 10 bits, and this binding has no option against it.
    // NVIDIA's libraries read the variable when the first of them starts.
    if (provider === 'cuda') process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
    const options: ort.InferenceSession.SessionOptions = {
      executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
      // The graphs are written as they should run; the optimiser would widen all constant weights at once.
      graphOptimizationLevel: widen === 'once' ? 'all' : 'disabled',
      intraOpNumThreads: availableParallelism(),
      interOpNumThreads: 1,
      logSeverityLevel: 4,
      extra: {
        session: {
          model_external_initializers_file_folder_path: weightsFolder,
          // Packed copies would double the memory of float32 weights, which are mapped in place. Rounded weights are
          // multiplied fast only when packed, and the packed copy takes their place.
          disable_prepacking: provider === 'cpu' && widen === 'once' ? '1' : '0',
        },
      },
    };
    return new Session(await ort.InferenceSession.create(graph, options));
  }

  /**
   * Runs the graph.
   *
   * @param fetches names of the outputs to bring back, or tensors of the host to write them into
   */
  async run(
    feeds: Tensors,
    fetches: readonly string[] | Readonly<Record<string, Tensor | null>>,
  ): Promise<Tensors> {
    return this.#session.run(feeds, fetches);
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

export function float32Data(tensor: Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array))
    throw new TypeError(`expected a float32 tensor, found ${tensor?.type}`);
  return tensor.data;
}

export function int64Data(tensor: Tensor | undefined): BigInt64Array {
  if (!(tensor?.data instanceof BigInt64Array))
    throw new TypeError(`expected an int64 tensor, found ${tensor?.type}`);
  return tensor.data;
}

/** Wraps what the runtime throws when a provider cannot start. */
export function providerUnavailable(provider: ProviderName, cause: unknown): FundusLensError {
  const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!;
  return new FundusLensError(
    'provider.unavailable',
    `The execution provider "${provider}" cannot be used here.`,
    {
      expected:
        provider === 'cuda'
          ? 'an NVIDIA GPU, its driver and the CUDA library of ONNX Runtime'
          : 'a GPU with a Vulkan, Metal or Direct3D driver',
      found: reason,
      advice: 'Choose --provider cpu, or --provider auto to fall back by itself.',
      cause,
    },
  );
}
