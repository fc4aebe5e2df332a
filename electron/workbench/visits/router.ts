import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { withoutAbsent } from '../../contract/without-absent.ts';

export function visitsRouter({ session, events, undo }: Services) {
  const { visits } = api;
  return visits.router({
    ofPatient: visits.ofPatient.handler(({ input }) => session.library.visits.ofPatient(input.patientId)),
    images: visits.images.handler(({ input }) => session.library.images.ofVisit(input.id)),
    update: visits.update.handler(({ input: { id, change } }) => {
      const { library } = session;
      const { date, label, note } = library.visits.get(id);
      const visit = library.visits.update(id, withoutAbsent(change));
      undo.push(
        { action: 'update-visit', imageIds: library.images.ofVisit(id).map((image) => image.id) },
        () => {
          library.visits.update(id, { date, label, note });
        },
      );
      events.publish({ type: 'library', what: 'visits', ids: [id] });
      events.publish({ type: 'library', what: 'images', ids: [] });
      return visit;
    }),
  });
}
