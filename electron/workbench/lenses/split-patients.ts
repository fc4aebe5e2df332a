import { createHash } from 'node:crypto';
import { FundusLensError } from '../../contract/errors.ts';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import { patientKey } from '../patients/patient-key.ts';

export interface PatientSplit {
  readonly fitted: readonly LibraryImage[];
  readonly heldOut: readonly LibraryImage[];
  readonly patients: { readonly fitted: number; readonly heldOut: number };
}

/**
 * Sets patients apart whose images are measured on; an image without a patient stands for one of its own. The choice depends on the
 * seed and on whose the images are, not on their order.
 *
 * @param share of the patients, 0…1; at least one is measured on, and at least one fitted on
 * @throws FundusLensError `input.invalid` for fewer than two patients
 */
export function splitPatients(images: readonly LibraryImage[], share: number, seed: number): PatientSplit {
  const order = (key: string) => createHash('sha256').update(`${seed} ${key}`).digest('hex');
  const keys = [...new Set(images.map(patientKey))].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  if (keys.length < 2)
    throw new FundusLensError('input.invalid', 'A lens is fitted on some patients and measured on others.', {
      expected: 'images of at least 2 patients',
      found: `${images.length} images of ${keys.length} patients`,
      advice: 'Choose more images, or say whose they are.',
    });
  const numHeldOut = Math.min(keys.length - 1, Math.max(1, Math.round(share * keys.length)));
  const heldOut = new Set(keys.slice(0, numHeldOut));
  return {
    fitted: images.filter((image) => !heldOut.has(patientKey(image))),
    heldOut: images.filter((image) => heldOut.has(patientKey(image))),
    patients: { fitted: keys.length - numHeldOut, heldOut: numHeldOut },
  };
}
