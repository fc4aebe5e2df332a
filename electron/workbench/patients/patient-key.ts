import type { LibraryImage } from '../../contract/images/library-image.ts';

/** What tells observations apart in statistics: the patient; an image without one stands for itself. */
export function patientKey({ id, patientId }: Pick<LibraryImage, 'id' | 'patientId'>): string {
  return patientId === null ? `image ${id}` : `patient ${patientId}`;
}
