import type { RunningTasks } from '../tasks/running-tasks.ts';
import type { TaskQueue } from '../tasks/task-queue.ts';
import type { Tasks } from '../tasks/tasks.ts';
import type { Engines } from './engines.ts';
import type { ClusterConnection } from './cluster/cluster-connection.ts';
import type { EventLog } from './events/event-log.ts';
import type { WorkbenchFolders } from './folders.ts';
import type { UndoStack } from './images/undo-stack.ts';
import type { ImportService } from './imports/service.ts';
import type { LibrarySession } from './library/library-session.ts';
import type { ModelManager } from './models/model-manager.ts';
import type { ProviderManager } from './providers/service.ts';
import type { SettingsFile } from './settings/settings-file.ts';

/** What the calls of the contract work with; parts of it take what they need of it, and do not know it as a whole. */
export interface Services {
  readonly session: LibrarySession;
  readonly events: EventLog;
  readonly settings: SettingsFile;
  readonly engines: Engines;
  readonly folders: WorkbenchFolders;
  /** All long work; `queue` and `running` are where it is kept and run. */
  readonly tasks: Tasks;
  readonly queue: TaskQueue;
  readonly running: RunningTasks;
  readonly imports: ImportService;
  readonly models: ModelManager;
  readonly providers: ProviderManager;
  /** Where other hosts compute. */
  readonly cluster: ClusterConnection;
  readonly undo: UndoStack;
}
