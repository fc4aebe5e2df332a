import { FundusLensError } from '../../contract/errors.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ImagePlace, ImageTokens } from '../families/shared/family.ts';
import type { ImageGrid } from '../image/image-processor.ts';
import type { ImagePiece } from '../lens-trace/lens-trace.ts';

/** A prompt as the decoder reads it. */
export interface ComposedPrompt extends ImagePlace {
  readonly text: string;
  /** The conversation as the checkpoint's template renders it, the image as one placeholder. */
  readonly rendered: string;
  /** Length T; the image's tokens in the place of its placeholder. */
  readonly tokenIds: readonly number[];
}

/**
 * Puts text and image into the checkpoint's own chat template.
 *
 * @param grid patches [t, h, w], or null for a prompt without an image
 * @param reserve positions that generation will need
 * @throws FundusLensError `prompt.no-room-for-image` when the rendered prompt does not hold exactly one place
 *   for the image, `prompt.too-long` when it exceeds the model's positions
 */
export function composePrompt(
  { family, config, tokenizer, renderPrompt, folder }: Checkpoint,
  text: string,
  grid: ImageGrid | null,
  reserve: number,
): ComposedPrompt {
  const rendered = renderPrompt(text, grid !== null);
  const written = grid === null ? rendered : (family.surroundImage?.(rendered) ?? rendered);
  const encoded = tokenizer.encode(written);
  const places = encoded.flatMap((id, index) => (id === config.imageTokenId ? [index] : []));
  const expectedPlaces = grid === null ? 0 : 1;
  if (places.length !== expectedPlaces) {
    const placeholder = tokenizer.tokenText(config.imageTokenId);
    throw new FundusLensError(
      'prompt.no-room-for-image',
      'The prompt does not have its one place for the image.',
      {
        expected: `${expectedPlaces} × ${placeholder} after the chat template of ${folder}`,
        found: `${places.length}`,
        advice:
          places.length > expectedPlaces
            ? `Remove ${placeholder} from the prompt; the template adds it.`
            : 'Use the chat template of a vision-language checkpoint.',
      },
    );
  }
  const noImage: ImageTokens = { tokenIds: [], cells: [0, 0], pieces: [] };
  const image = grid === null ? noImage : family.imageTokens(config, grid, (part) => tokenizer.encode(part));
  const numImageTokens = image.tokenIds.length;
  const place = places[0] ?? 0;
  const tokenIds = grid === null ? encoded : encoded.toSpliced(place, 1, ...image.tokenIds);
  const pieces = image.pieces.map(({ span: [start, end], ...piece }): ImagePiece => ({
    ...piece,
    span: [place + start, place + end],
  }));
  if (tokenIds.length + reserve > config.decoder.maxPositions) {
    throw new FundusLensError('prompt.too-long', 'Prompt and image are too long for this model.', {
      expected: `at most ${config.decoder.maxPositions} positions`,
      found: `${tokenIds.length} for the prompt (${numImageTokens} of them the image's) and ${reserve} to generate`,
      advice: 'Shorten the prompt, generate less, or lower max_pixels in preprocessor_config.json.',
    });
  }
  return {
    text,
    rendered,
    tokenIds,
    imageSpan: grid === null ? null : [pieces[0]!.span[0], pieces.at(-1)!.span[1]],
    imagePieces: pieces,
    cells: image.cells,
  };
}
