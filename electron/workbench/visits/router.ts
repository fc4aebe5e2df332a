import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { withoutAbsent } from '../../contract/without-absent.ts';

export function visitsRouter({ session, events }: Services) {
  const { visits } = api;
  return visits.router({
    ofPatient: visits.ofPatient.handler(({ input }) => session.library.visits.ofPatient(input.patientId)),
    images: visits.images.handler(({ input }) => session.library.images.ofVisit(input.id)),
    update: visits.update.handler(({ input: { id, change } }) => {
      const visit = session.library.visits.update(id, withoutAbsent(change));
      events.publish({ type: 'library', what: 'visits', ids: [id] });
      return visit;
    }),
  });
}
