import path from 'node:path';

/** What was observed of the inputs lies beside the weights file until that is finished. */
export function calibrationFile(weightsFile: string): string {
  return path.join(path.dirname(weightsFile), 'calibration.bin');
}
