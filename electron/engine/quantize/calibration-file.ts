import path from 'node:path';

/** Statistics of the inputs, kept beside the weights file until that is finished. */
export function calibrationFile(weightsFile: string): string {
  return path.join(path.dirname(weightsFile), 'calibration.bin');
}
