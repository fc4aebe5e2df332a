import { isImagePosition } from '../../../engine/lens-trace/image-tokens.ts';
import type { LensTrace } from '../../../engine/lens-trace/lens-trace.ts';

/**
 * A trace without what a person wrote, what a computer is called, and the hash of the original photograph. What the model
 * computed stays bit for bit.
 *
 * @param imageSha256 takes the place of the photograph's hash; of the file in the archive where there is one
 * @param keepPrompt whether the prompt and what the model answered stay
 */
export function deidentifyTrace(
  trace: LensTrace,
  { imageSha256, keepPrompt }: { readonly imageSha256: string; readonly keepPrompt: boolean },
): LensTrace {
  const { model, image, prompt, fittedLens, generated } = trace;
  return {
    ...trace,
    model: {
      ...model,
      providerFallback: null,
      device: null,
      deviceMemoryBytes: null,
      deviceMemoryUsedBytes: null,
    },
    // Its name is a person's, its prompt may be another one.
    ...(fittedLens === undefined || keepPrompt
      ? {}
      : { fittedLens: { ...fittedLens, name: fittedLens.sha256.slice(0, 12), prompt: '' } }),
    image: image === null ? null : { ...image, sha256: imageSha256 },
    prompt: keepPrompt
      ? prompt
      : {
          ...prompt,
          text: '',
          rendered: '',
          // The length stays, because positions count in it; 0 stands for every token of a text.
          tokenIds: prompt.tokenIds.map((id, position) => (isImagePosition(prompt, position) ? id : 0)),
        },
    // An answer repeats what it was asked.
    generated: keepPrompt ? generated : { ...generated, ids: [], text: '' },
    // They quote the prompt and name devices.
    warnings: [],
  };
}
