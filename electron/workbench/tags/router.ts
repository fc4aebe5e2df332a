import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { nameTaken } from '../name-taken.ts';

export function tagsRouter({ session, events, undo }: Services) {
  const { tags } = api;
  const tell = (id: number) => {
    events.publish({ type: 'library', what: 'tags', ids: [id] });
    events.publish({ type: 'library', what: 'images', ids: [] });
  };
  return tags.router({
    list: tags.list.handler(() => session.library.tags.list()),
    rename: tags.rename.handler(({ input: { id, name } }) => {
      const { library } = session;
      const key = name.normalize('NFC').trim().toLowerCase();
      const other = library.tags.list().find((tag) => tag.id !== id && tag.name.toLowerCase() === key);
      if (other !== undefined) throw nameTaken();
      library.tags.rename(id, name);
      tell(id);
      return { changed: 1 };
    }),
    remove: tags.remove.handler(({ input }) => {
      const { library } = session;
      const name = library.tags.list().find(({ id }) => id === input.id)?.name;
      if (name === undefined) return { changed: 0 };
      const imageIds = library.tags.imageIds(input.id);
      library.tags.remove(input.id);
      undo.push({ action: 'delete-tag', imageIds }, () =>
        library.tags.restore({ id: input.id, name }, imageIds),
      );
      tell(input.id);
      return { changed: 1 };
    }),
  });
}
