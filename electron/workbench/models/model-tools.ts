import type { Engines } from '../engines.ts';
import type { EventLog } from '../events/event-log.ts';
import type { WorkbenchFolders } from '../folders.ts';
import type { LibrarySession } from '../library/library-session.ts';
import type { SettingsFile } from '../settings/settings-file.ts';

/** What models are read, made and judged with. */
export interface ModelTools {
  readonly session: LibrarySession;
  readonly events: EventLog;
  readonly settings: SettingsFile;
  readonly engines: Engines;
  readonly folders: WorkbenchFolders;
}
