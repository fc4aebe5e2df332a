import { existsSync } from 'node:fs';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';

/** Of what comes with the software: a photograph of an eye, two drawn ones, and something else altogether. */
const judged = [
  'real/retina.jpg',
  'SYN-001/2025-03-14/SYN-001_OD_2025-03-14.jpg',
  'SYN-004/2025-01-30/SYN-004_OD_2025-01-30.jpg',
  '../controls/coffee.jpg',
];

/** Of other patients, and other controls: what weights are calibrated on must not be what they are judged on. */
const calibrating = [
  'SYN-002/2024-02-06/SYN-002_OS_2024-02-06.jpg',
  'SYN-002/2025-02-18/SYN-002_OD_2025-02-18.jpg',
  'SYN-005/2024-11-12/SYN-005_OD_2024-11-12.jpg',
  'SYN-007/2024-09-17/SYN-007_OS_2024-09-17.jpg',
  'SYN-007/2025-01-22/SYN-007_OD_2025-01-22.jpg',
  'SYN-008/2025-02-25/SYN-008_OD_2025-02-25.jpg',
  '../controls/oct.jpg',
  '../controls/blank.png',
];

/** @throws FundusLensError `image.unreadable` when none is installed */
export function judgedImages(samples: string): string[] {
  const images = installed(samples, judged);
  if (images.length > 0) return images;
  throw new FundusLensError('image.unreadable', 'The sample photographs are not installed.', {
    expected: samples,
    found: 'none of them',
    advice: 'Choose images of the library to verify with.',
  });
}

/** Empty when none is installed: then weights are rounded without calibration. */
export function calibrationImages(samples: string): string[] {
  return installed(samples, calibrating);
}

function installed(samples: string, names: readonly string[]): string[] {
  return names.map((name) => path.join(samples, name)).filter((file) => existsSync(file));
}
