import type { PatientRecord } from '../../contract/images/patients.ts';
import type { Library } from '../../store/library/library.ts';
import { listTraces } from '../traces/trace-views.ts';

/** One patient over time: every photograph with what was said of it. */
export function recordPatient(library: Library, id: number): PatientRecord {
  const patient = library.patients.get(id);
  const { items } = library.search.page({ filter: { patientId: id }, sort: 'captured' }, {}, 1000);
  const traces = listTraces(library, { patientId: id, limit: 1000 });
  return {
    patient,
    visits: library.visits.ofPatient(id),
    images: items.map((card) => ({
      image: { ...card, frames: library.images.get(card.id).frames },
      findings: library.findings.ofImage(card.id).map(({ label, value }) => ({ label, value })),
      protocols: library.protocols.ofImage(card.id),
      traces: traces.filter(({ imageId }) => imageId === card.id),
    })),
  };
}
