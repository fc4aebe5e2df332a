import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The library of the cuda provider, an optional download. */
const cudaLibraries = ['libonnxruntime_providers_cuda.so', 'onnxruntime_providers_cuda.dll'];

/** The folder of ONNX Runtime's binaries, where it looks for the libraries of its providers. */
export function onnxruntimeFolder(): string {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = path.join(path.dirname(entry), '../bin/napi-v6', process.platform, process.arch);
  // A packaged desktop keeps libraries beside its archive, where the system's loader can read them.
  return folder.replace(/([\\/])app\.asar([\\/])/, '$1app.asar.unpacked$2');
}

export function hasCudaLibrary(): boolean {
  return cudaLibraries.some((name) => existsSync(path.join(onnxruntimeFolder(), name)));
}
