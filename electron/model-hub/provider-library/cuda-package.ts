/**
 * The library of ONNX Runtime's cuda provider: published as a NuGet package of ONNX Runtime's own version, because it is
 * too large for npm. The same files that the installer of onnxruntime-node would bring, without those of TensorRT.
 */
export const cudaPackage = {
  id: 'Microsoft.ML.OnnxRuntime.Gpu.Linux',
  /** The only one for which onnxruntime-node is built with CUDA. */
  platform: 'linux/x64',
  folder: 'runtimes/linux-x64/native/',
  /** In the order in which they get their names: the provider itself last, because it is what makes it installed. */
  files: ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'],
} as const;

/** Where ONNX Runtime lies, and looks for the libraries of its providers. */
export interface RuntimePlace {
  readonly folder: string;
  /** Of onnxruntime-node; a library of another version does not fit. */
  readonly version: string;
  /** Such as `linux/x64`. */
  readonly platform: string;
}
