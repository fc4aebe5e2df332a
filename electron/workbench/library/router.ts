import { api } from '../api.ts';
import type { Desk } from '../desk.ts';

export function libraryRouter(desk: Desk) {
  const { session, settings, events, runner, imports, undo } = desk;
  return api.library.router({
    status: api.library.status.handler(() => session.status()),
    backups: api.library.backups.router({
      list: api.library.backups.list.handler(() => session.backups()),
      create: api.library.backups.create.handler(async () => {
        const backup = await session.backup(settings.get().backups.keep);
        events.publish({ type: 'library', what: 'backups', ids: [] });
        return backup;
      }),
      restore: api.library.backups.restore.handler(async ({ input }) => {
        await imports.cancelAll();
        await runner.stop();
        try {
          await session.restore(input.name);
        } finally {
          undo.clear();
          runner.start();
        }
        events.publish({ type: 'resync' });
        return session.status();
      }),
    }),
    verify: api.library.verify.handler(({ signal }) => session.verify(signal)),
    audit: api.library.audit.handler(({ input: { limit, beforeId } }) =>
      session.library.audit
        .list(limit, beforeId)
        .map((entry) => ({ ...entry, details: { ...entry.details } })),
    ),
  });
}
