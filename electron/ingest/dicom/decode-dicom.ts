import type { ImportLimits } from '../import-failure.ts';
import { readAttributes } from './attributes.ts';
import type { DicomAttributes } from './attributes.ts';
import { decodeFrame } from './decode-frame.ts';
import { parseDicom } from './dicom-file.ts';
import { readPixelFormat } from './pixel-format.ts';
import type { PixelFormat } from './pixel-format.ts';
import { renderFrame } from './render.ts';
import type { RenderedFrame } from './render.ts';
import { DicomValues } from './values.ts';

export interface DecodedDicom {
  readonly attributes: DicomAttributes;
  readonly transferSyntax: string;
  readonly transferSyntaxGuessed: boolean;
  readonly format: PixelFormat;
  readonly frame: RenderedFrame;
}

/**
 * Reads a DICOM file and renders one frame, 0 the first.
 *
 * @throws ImportFailure with a reason of the `dicom.` family
 */
export async function decodeDicom(bytes: Uint8Array, limits: ImportLimits, index = 0): Promise<DecodedDicom> {
  const file = parseDicom(bytes, limits);
  const values = new DicomValues(file.dataset, file.littleEndian);
  const format = readPixelFormat(values, limits.pixels);
  const decoded = await decodeFrame(file, values, format, index);
  return {
    attributes: readAttributes(values),
    transferSyntax: file.transferSyntax,
    transferSyntaxGuessed: file.transferSyntaxGuessed,
    format,
    frame: renderFrame(decoded, values),
  };
}
