import { existsSync, statSync } from 'node:fs';
import { extname, isAbsolute, resolve } from 'node:path';

/** What the system may open with the app; folders are taken too, a DICOM file often has no ending. */
export const associatedExtensions = [
  'dcm',
  'dicom',
  'jpg',
  'jpeg',
  'png',
  'tif',
  'tiff',
  'bmp',
  'webp',
  'heic',
  'zip',
] as const;

/**
 * Files and folders named on a command line. Switches are left out, and so is what does not exist: a path is only ever
 * handed to the import, which looks for itself what it is.
 *
 * @param workingFolder where relative paths start, that of the program that was called
 */
export function filesOfCommandLine(args: readonly string[], workingFolder: string): string[] {
  return args
    .filter((arg) => arg !== '' && !arg.startsWith('-'))
    .map((arg) => (isAbsolute(arg) ? arg : resolve(workingFolder, arg)))
    .filter(isImportable);
}

/** Whether a path is one that the import could take: a folder, an image, an archive, or a file without ending. */
export function isImportable(path: string): boolean {
  if (!existsSync(path)) return false;
  const extension = extname(path).slice(1).toLowerCase();
  return (
    statSync(path).isDirectory() ||
    extension === '' ||
    (associatedExtensions as readonly string[]).includes(extension)
  );
}
