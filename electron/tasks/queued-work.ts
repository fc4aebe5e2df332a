import type { Task, TaskKind, TaskStage, TaskTitle } from '../contract/app/tasks.ts';
import type { Library } from '../store/library/library.ts';
import type { QueuedTask } from '../store/queue/queued-task.ts';

export type OnProgress = (stage: TaskStage, done: number, total: number, item?: string | null) => void;

export interface WorkHooks {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** What a task has come to. */
export interface WorkResult {
  /** Writes it; its end is noted in the same transaction. @returns the trace that was made; null for none */
  readonly store: () => number | null;
  /** Called when it was stored: the task was not cancelled meanwhile. */
  readonly stored?: () => void;
}

/** How tasks of one kind are shown and run. */
export interface QueuedWork {
  /** Names to show, one for each task. */
  describe(tasks: readonly QueuedTask[]): (Pick<Task, 'modelId'> & { readonly title: TaskTitle })[];
  run(task: QueuedTask, hooks: WorkHooks): Promise<WorkResult>;
}

export type QueuedKinds = Readonly<Partial<Record<TaskKind, QueuedWork>>>;

/** The library that is open now; a restore puts another in its place. */
export interface OpenLibrary {
  readonly library: Library;
  readonly isReadOnly: boolean;
}
