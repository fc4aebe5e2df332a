import { FundusLensError } from '../../contract/errors.ts';
import type { ImageChangeInput } from '../../contract/images/images.ts';
import type { Finding } from '../../contract/images/images.ts';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import { visitFromParts } from '../../ingest/visit.ts';
import type { Library } from '../../store/library/library.ts';
import type { ImageChange } from '../../store/images/images.ts';
import type { Services } from '../services.ts';
import { restoreAll } from '../trash/restore.ts';
import { withoutAbsent } from '../../contract/without-absent.ts';

type ResolvedChange = { -readonly [K in keyof ImageChange]?: ImageChange[K] | undefined };
type EditServices = Pick<Services, 'session' | 'undo' | 'events'>;

/**
 * Changes many images at a time, all or none. A patient's code that is new makes the patient, and a visit's date the
 * visit; giving an image to another patient takes it out of its visit.
 *
 * @throws input.invalid when a visit is not one of the image's patient
 */
export function updateImages(
  services: EditServices,
  ids: readonly number[],
  change: ImageChangeInput,
): number {
  const { library } = services.session;
  const before = library.transaction(() => {
    const originals = ids.map((id) => library.images.get(id));
    for (const image of originals) library.images.update(image.id, resolveChange(library, image, change));
    return originals;
  });
  services.undo.push({ action: 'update', imageIds: [...ids] }, () => {
    for (const image of before) library.images.update(image.id, formerValues(image, change));
  });
  publishChange(services, ids);
  if (change.patient !== undefined) services.events.publish({ type: 'library', what: 'patients', ids: [] });
  return before.length;
}

function resolveChange(library: Library, image: LibraryImage, change: ImageChangeInput): ImageChange {
  const { patient, visit, ...plain } = change;
  const resolved: ResolvedChange = { ...plain };
  let patientId = image.patientId;
  if (patient !== undefined) {
    patientId = patient === null ? null : findPatient(library, patient);
    resolved.patientId = patientId;
    if (patientId !== image.patientId) resolved.visitId = null;
  }
  if (visit !== undefined) resolved.visitId = findVisit(library, patientId, visit);
  return withoutAbsent(resolved);
}

function findPatient(library: Library, patient: NonNullable<ImageChangeInput['patient']>): number {
  return 'id' in patient ? library.patients.get(patient.id).id : library.patients.ensure(patient);
}

function findVisit(
  library: Library,
  patientId: number | null,
  visit: ImageChangeInput['visit'],
): number | null {
  if (visit === null || visit === undefined) return null;
  if (patientId === null)
    throw new FundusLensError('input.invalid', 'An image without a patient has no visit.', {
      advice: 'give the photographs to a patient first',
    });
  if ('date' in visit) {
    const { date } = visit;
    return library.visits.ensure(
      patientId,
      visitFromParts({ date }) ?? { key: date, date, label: '', studyUid: null },
    );
  }
  if (library.visits.get(visit.id).patientId !== patientId) {
    throw new FundusLensError('input.invalid', 'The visit is one of another patient.');
  }
  return visit.id;
}

/** The source of a laterality cannot be given back; a guess that a person changed and restored is a person's. */
function formerValues(image: LibraryImage, change: ImageChangeInput): ImageChange {
  const { laterality, modality, capturedAt, quality, note, patientId, visitId } = image;
  return {
    ...(change.laterality === undefined ? {} : { laterality }),
    ...(change.modality === undefined ? {} : { modality }),
    ...(change.capturedAt === undefined ? {} : { capturedAt }),
    ...(change.quality === undefined ? {} : { quality }),
    ...(change.note === undefined ? {} : { note }),
    ...(change.patient === undefined && change.visit === undefined ? {} : { patientId, visitId }),
  };
}

/** Puts images and their traces into the trash; a task that runs for one of them ends. */
export function removeImages(
  services: EditServices & Pick<Services, 'queue'>,
  ids: readonly number[],
): number {
  const { library } = services.session;
  const kept = library.transaction(() =>
    ids.map((id) => {
      const trashId = library.trash.keepImage(id);
      library.images.remove(id);
      return trashId;
    }),
  );
  services.undo.push({ action: 'remove-images', imageIds: [...ids] }, () => restoreAll(library, kept));
  services.events.publish({ type: 'library', what: 'trash', ids: [] });
  services.queue.abortTasksOf(ids);
  publishChange(services, ids);
  services.events.publish({ type: 'library', what: 'traces', ids: [] });
  return ids.length;
}

export function addTag(services: EditServices, ids: readonly number[], name: string): number {
  const { library } = services.session;
  const { tagId, added, isNew } = library.transaction(() => {
    const known = library.tags.list().length;
    const id = library.tags.ensure(name);
    const without = ids.filter((imageId) => !hasTag(library, imageId, id));
    library.tags.add(without, name);
    library.audit.append('tag.add', `tag ${id}`, { images: without.length });
    return { tagId: id, added: without, isNew: library.tags.list().length > known };
  });
  services.undo.push({ action: 'add-tag', imageIds: added }, () => {
    library.tags.removeFrom(added, tagId);
    // A tag that came with this change goes with it, unless somebody else has used it since.
    if (isNew && library.tags.imageIds(tagId).length === 0) library.tags.remove(tagId);
  });
  publishChange(services, added);
  services.events.publish({ type: 'library', what: 'tags', ids: [tagId] });
  return added.length;
}

export function removeTag(services: EditServices, ids: readonly number[], tagId: number): number {
  const { library } = services.session;
  const name = library.tags.list().find(({ id }) => id === tagId)?.name;
  const tagged = ids.filter((imageId) => hasTag(library, imageId, tagId));
  if (name === undefined || tagged.length === 0) return 0;
  library.transaction(() => {
    library.tags.removeFrom(tagged, tagId);
    library.audit.append('tag.remove', `tag ${tagId}`, { images: tagged.length });
  });
  services.undo.push({ action: 'remove-tag', imageIds: tagged }, () => {
    library.tags.add(tagged, name);
  });
  publishChange(services, tagged);
  services.events.publish({ type: 'library', what: 'tags', ids: [tagId] });
  return tagged.length;
}

export function putFinding(
  services: EditServices,
  ids: readonly number[],
  finding: Pick<Finding, 'label' | 'value' | 'note'>,
): number {
  const { library } = services.session;
  const replaced = library.transaction(() => {
    library.audit.append('finding.put', 'library', { images: ids.length });
    return ids.map((imageId) => {
      const before = ownFindings(library, imageId).find(({ label }) => label === finding.label);
      const { id } = library.findings.put({ ...finding, imageId, source: 'user' });
      return { id, before };
    });
  });
  services.undo.push({ action: 'put-finding', imageIds: [...ids] }, () => {
    for (const { id, before } of replaced) {
      if (before === undefined) library.findings.remove(id);
      else library.findings.put(before);
    }
  });
  publishChange(services, ids);
  return ids.length;
}

export function removeFinding(services: EditServices, imageId: number, findingId: number): number {
  const { library } = services.session;
  const finding = library.findings.ofImage(imageId).find(({ id }) => id === findingId);
  if (finding === undefined) return 0;
  library.transaction(() => {
    library.findings.remove(findingId);
    library.audit.append('finding.remove', `image ${imageId}`);
  });
  services.undo.push({ action: 'remove-finding', imageIds: [imageId] }, () => {
    library.findings.put(finding);
  });
  publishChange(services, [imageId]);
  return 1;
}

export function undoLast(services: EditServices) {
  const undone = services.undo.pop((work) => services.session.library.transaction(work));
  if (undone !== null) {
    publishChange(services, undone.imageIds);
    services.events.publish({ type: 'library', what: 'tags', ids: [] });
    services.events.publish({ type: 'library', what: 'groups', ids: [] });
    for (const what of ['patients', 'visits', 'traces', 'protocols', 'concepts', 'trash'] as const) {
      services.events.publish({ type: 'library', what, ids: [] });
    }
  }
  return undone;
}

function ownFindings(library: Library, imageId: number): Finding[] {
  return library.findings.ofImage(imageId).filter(({ source }) => source === 'user');
}

function hasTag(library: Library, imageId: number, tagId: number): boolean {
  return library.tags.ofImage(imageId).some(({ id }) => id === tagId);
}

function publishChange({ events }: EditServices, ids: readonly number[]): void {
  events.publish({ type: 'library', what: 'images', ids: ids.length > 1000 ? [] : [...ids] });
}
