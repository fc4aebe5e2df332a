import type { EventLog } from './event-log.ts';
import type { Engines } from './engines.ts';
import type { ImportService } from './import-service.ts';
import type { JobRunner } from './jobs/job-runner.ts';
import type { LibrarySession } from './library-session.ts';
import type { ModelManager } from './model-manager/model-manager.ts';
import type { SettingsFile } from './settings-file.ts';
import type { UndoStack } from './undo-stack.ts';
import type { WorkbenchFolders } from './folders.ts';

/** What the calls of the contract work with. */
export interface Desk {
  readonly session: LibrarySession;
  readonly events: EventLog;
  readonly settings: SettingsFile;
  readonly engines: Engines;
  readonly runner: JobRunner;
  readonly imports: ImportService;
  readonly manager: ModelManager;
  readonly undo: UndoStack;
  readonly folders: WorkbenchFolders;
}
