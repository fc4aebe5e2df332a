import { findLeaks } from '../../engine/lens-trace/find-leaks.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { findConceptSet } from '../concepts/stored-concept-sets.ts';
import { listPrompts, removePrompt, savePrompt } from './stored-prompts.ts';

export function promptsRouter({ session, events }: Services) {
  const { prompts } = api;
  const tell = () => events.publish({ type: 'library', what: 'prompts', ids: [] });
  return prompts.router({
    list: prompts.list.handler(() => listPrompts(session.library)),
    save: prompts.save.handler(({ input }) => {
      const saved = savePrompt(session.library, input.title, input.text);
      tell();
      return saved;
    }),
    remove: prompts.remove.handler(({ input }) => {
      const changed = removePrompt(session.library, input.id);
      tell();
      return { changed };
    }),
    findLeaks: prompts.findLeaks.handler(({ input }) =>
      findLeaks(input.text, findConceptSet(session.library, input.conceptSetId).set),
    ),
  });
}
