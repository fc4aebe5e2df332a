import { FundusLensError } from '../../contract/errors.ts';
import type { Patient } from '../../contract/images/patients.ts';
import { api } from '../api.ts';
import { recordPatient } from './record-patient.ts';
import type { Services } from '../services.ts';
import { withoutAbsent } from '../../contract/without-absent.ts';

export function patientsRouter({ session, events, undo }: Services) {
  const { patients } = api;
  const publishChange = (id: number) => events.publish({ type: 'library', what: 'patients', ids: [id] });
  return patients.router({
    list: patients.list.handler(({ input: { limit, afterId } }) => {
      const { library } = session;
      const after = afterId === undefined ? {} : { after: library.patients.get(afterId) };
      return { total: library.patients.count(), items: library.patients.list({ limit, ...after }) };
    }),
    get: patients.get.handler(({ input }) => ({
      patient: session.library.patients.get(input.id),
      visits: session.library.visits.ofPatient(input.id),
    })),
    record: patients.record.handler(({ input }) => recordPatient(session.library, input.id)),
    add: patients.add.handler(({ input }) => {
      refuseTakenCode(session.library.patients.findByCode(input.code), null);
      const patient = session.library.patients.add(withoutAbsent(input));
      publishChange(patient.id);
      return patient;
    }),
    update: patients.update.handler(({ input: { id, change } }) => {
      const { library } = session;
      if (change.code !== undefined) refuseTakenCode(library.patients.findByCode(change.code), id);
      const before = library.patients.get(id);
      const patient = library.patients.update(id, withoutAbsent(change));
      undo.push({ action: 'update-patient', imageIds: [] }, () => {
        const { code, name, birthYear, sex, note } = before;
        library.patients.update(id, { code, name, birthYear, sex, note });
      });
      publishChange(id);
      events.publish({ type: 'library', what: 'images', ids: [] });
      return patient;
    }),
    merge: patients.merge.handler(({ input: { id, into } }) => {
      const { library } = session;
      const merged = library.patients.merge(id, into);
      const imageIds = merged.images.map((image) => image.id);
      undo.push({ action: 'merge-patients', imageIds }, () => library.patients.unmerge(merged));
      publishChange(id);
      events.publish({ type: 'library', what: 'images', ids: imageIds });
      return library.patients.get(into);
    }),
    split: patients.split.handler(({ input: { id, visitIds, code } }) => {
      const { library } = session;
      const split = library.patients.split(id, visitIds, code);
      const imageIds = split.images.map((image) => image.id);
      undo.push({ action: 'split-patient', imageIds }, () => library.patients.unsplit(split));
      publishChange(id);
      events.publish({ type: 'library', what: 'images', ids: imageIds });
      return library.patients.get(split.into);
    }),
    remove: patients.remove.handler(({ input }) => {
      session.library.patients.remove(input.id);
      publishChange(input.id);
      return { changed: 1 };
    }),
  });
}

/** The code alone is named in lists, so two patients must not share one; the message names neither. */
function refuseTakenCode(owner: Patient | undefined, except: number | null): void {
  if (owner === undefined || owner.id === except) return;
  throw new FundusLensError('input.invalid', 'Another patient has this code.', {
    advice: 'choose another code, or give the images to that patient',
  });
}
