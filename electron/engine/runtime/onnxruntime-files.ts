import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';

/** The library of the cuda provider, an optional download. */
const cudaLibraries = ['libonnxruntime_providers_cuda.so', 'onnxruntime_providers_cuda.dll'];
/** Of an engine's process: the folder that libraries of providers are installed in. */
const librariesVariable = 'FUNDUS_LENS_PROVIDER_LIBRARIES';
/** ONNX Runtime itself, which looks for the libraries of its providers where it was loaded from. */
const runtimeLibrary = 'libonnxruntime.so.1';

const versionSchema = z.object({ version: z.string() });

function packageFolder(): string {
  return path.dirname(path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node')));
}

/** The folder of ONNX Runtime's own binaries. */
function binariesFolder(): string {
  const folder = path.join(packageFolder(), 'bin/napi-v6', process.platform, process.arch);
  // A packaged desktop keeps libraries beside its archive, where the system's loader can read them.
  return folder.replace(/([\\/])app\.asar([\\/])/, '$1app.asar.unpacked$2');
}

function holdsCudaLibrary(folder: string): boolean {
  return cudaLibraries.some((name) => existsSync(path.join(folder, name)));
}

/**
 * Where the libraries of providers lie, or are installed: beside ONNX Runtime where an administrator has put them there, else
 * in the folder that the engine's environment names.
 */
export function providerLibrariesFolder(): string {
  const binaries = binariesFolder();
  const own = process.env[librariesVariable];
  return own === undefined || holdsCudaLibrary(binaries) ? binaries : own;
}

export function hasCudaLibrary(): boolean {
  return holdsCudaLibrary(providerLibrariesFolder());
}

/**
 * What an engine's process needs in its environment, beside what ours has, to find libraries that were installed in a
 * folder of the user's own: the program's may be read-only.
 *
 * ONNX Runtime loads them from the folder that it was itself loaded from. So that folder gets a link to it, and the system's
 * loader looks there first; the link is made anew at every start, since the program may have moved.
 *
 * @param libraries absolute path; need not exist. A library fits one version of ONNX Runtime, so each has a folder in it
 */
export function libraryEnvironment(libraries: string): Readonly<Record<string, string>> {
  const { version } = versionSchema.parse(
    JSON.parse(readFileSync(path.join(packageFolder(), 'package.json'), 'utf8')),
  );
  const folder = path.join(libraries, `onnxruntime-${version}`);
  const named = { [librariesVariable]: folder };
  if (process.platform !== 'linux' || !holdsCudaLibrary(folder)) return named;
  try {
    const link = path.join(folder, runtimeLibrary);
    const target = path.join(binariesFolder(), runtimeLibrary);
    if (readLink(link) !== target) {
      mkdirSync(folder, { recursive: true });
      rmSync(link, { force: true });
      symlinkSync(target, link);
    }
  } catch {
    // Without the link the processor and webgpu work as before, and a trial of cuda says what is missing.
  }
  const { LD_LIBRARY_PATH: others } = process.env;
  return {
    ...named,
    LD_LIBRARY_PATH: others === undefined || others === '' ? folder : `${folder}:${others}`,
  };
}

/** Those of {@link libraryEnvironment} in the environment of this process, for one that another process starts for it. */
export function inheritedLibraryEnvironment(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [librariesVariable, 'LD_LIBRARY_PATH'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function readLink(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}
