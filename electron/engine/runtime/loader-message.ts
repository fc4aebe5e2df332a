/** What the cuda provider's library needs of a machine beside the driver; ONNX Runtime 1.30 is built for these. */
const needs = 'CUDA 12 and cuDNN 9, where the loader finds them';

/** How such a reason begins. */
export const unloadable = 'its library cannot be loaded';

/**
 * Why a provider's library was not loaded, in the loader's own words. ONNX Runtime writes them to stderr and throws
 * something that says less.
 *
 * @param log stderr of the process that tried
 * @returns null when the loader had nothing to complain about
 */
export function findLoaderMessage(log: string): string | null {
  const [, file, message] = [...log.matchAll(/Failed to load library (.+?) with error: (.+)/g)].at(-1) ?? [];
  if (file === undefined || message === undefined) return null;
  // The loader repeats the path of what it was asked for; what is missing is named after it.
  const said = message.replace(`${file}: `, `${file.split('/').at(-1)}: `).trim();
  return `${unloadable} (${said}); it needs ${needs}`;
}
