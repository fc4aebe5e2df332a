import { gridType } from '../../contract/images/image-grid.ts';
import type { ImageDetail } from '../../contract/images/images.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import {
  addTag,
  putFinding,
  removeFinding,
  removeImages,
  removeTag,
  undoLast,
  updateImages,
} from './edit-images.ts';
import { GridSource } from './grid-source.ts';
import { countFacets } from './image-facets.ts';
import { listTraces } from '../traces/trace-views.ts';
import type { Library } from '../../store/library/library.ts';

export function imagesRouter(services: Services) {
  const { session, events, undo } = services;
  const { images } = api;
  const grid = new GridSource(session, events);
  return images.router({
    page: images.page.handler(({ input: { query, start, limit } }) =>
      session.library.search.page(query, start, limit),
    ),
    count: images.count.handler(({ input }) => session.library.search.count(input.query)),
    ids: images.ids.handler(({ input }) => session.library.search.ids(input.query)),
    grid: images.grid.handler(
      ({ input: { query, first, limit } }) => new Blob([grid.read(query, first, limit)], { type: gridType }),
    ),
    facets: images.facets.handler(({ input }) => countFacets(session.library, input.filter)),
    get: images.get.handler(({ input }) => describeImage(session.library, input.id)),
    regionMask: images.regionMask.handler(({ input }) => {
      const mask = session.library.datasets.mask(input.id);
      return mask === null ? null : new Blob([new Uint8Array(mask)], { type: 'image/png' });
    }),
    update: images.update.handler(({ input }) => ({
      changed: updateImages(services, input.ids, input.change),
    })),
    remove: images.remove.handler(({ input }) => ({ changed: removeImages(services, input.ids) })),
    addTag: images.addTag.handler(({ input }) => ({ changed: addTag(services, input.ids, input.name) })),
    removeTag: images.removeTag.handler(({ input }) => ({
      changed: removeTag(services, input.ids, input.tagId),
    })),
    putFinding: images.putFinding.handler(({ input }) => ({
      changed: putFinding(services, input.ids, input.finding),
    })),
    removeFinding: images.removeFinding.handler(({ input }) => ({
      changed: removeFinding(services, input.imageId, input.findingId),
    })),
    undo: images.undo.handler(() => undoLast(services)),
    undoable: images.undoable.handler(() => undo.peek()),
  });
}

function describeImage(library: Library, id: number): ImageDetail {
  const image = library.images.get(id);
  const groups = library.groups
    .list()
    .filter((group) => library.search.count({ filter: { ids: [id], groupId: group.id } }) > 0);
  return {
    image,
    patient: image.patientId === null ? null : library.patients.get(image.patientId),
    visit: image.visitId === null ? null : library.visits.get(image.visitId),
    tags: library.tags.ofImage(id),
    findings: library.findings.ofImage(id),
    groups: groups.map((group) => ({ id: group.id, name: group.name })),
    origins: library.datasets.originsOf(id),
    regions: library.datasets.regionsOf(id),
    traces: listTraces(library, { imageId: id, limit: 1000 }),
  };
}
