import type { EventLog } from './events/event-log.ts';
import type { Engines } from './engines.ts';
import type { JobRunner } from './jobs/job-runner.ts';
import type { LibrarySession } from './library/library-session.ts';
import type { SettingsFile } from './settings/settings-file.ts';
import type { WorkbenchFolders } from './folders.ts';

/** What every part of the workbench may stand on. */
export interface Services {
  readonly session: LibrarySession;
  readonly events: EventLog;
  readonly settings: SettingsFile;
  readonly engines: Engines;
  readonly runner: JobRunner;
  readonly folders: WorkbenchFolders;
}
