import { FundusLensError } from '../../contract/errors.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { ImportEntry, ImportReason } from '../../contract/imports/imports.ts';

const tooLarge: readonly ImportReason[] = [
  'file.too-large',
  'image.too-many-pixels',
  'dicom.too-many-pixels',
  'archive.total-size',
];
const cutShort: readonly ImportReason[] = ['image.truncated', 'dicom.truncated'];

/** What an import reports of a file that it could not take, as the error that names the file and says what to do. */
export function toImportProblem({ path, reason, detail }: ImportEntry): FundusLensError {
  return new FundusLensError(codeOf(reason), 'The image cannot be read.', {
    expected: 'a whole JPEG, PNG, TIFF, WebP, BMP, HEIC or DICOM file',
    found: `${path}: ${detail}`,
    advice: 'Copy the file from its source again, or export it once more.',
  });
}

function codeOf(reason: ImportReason | null): ErrorCode {
  if (reason === null) return 'import.file';
  if (tooLarge.includes(reason)) return 'image.too-large';
  return cutShort.includes(reason) ? 'image.truncated' : 'image.unreadable';
}
