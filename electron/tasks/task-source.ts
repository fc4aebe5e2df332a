import type { WorkbenchEvent } from '../contract/app/events.ts';
import type { Task, TaskAction, TaskFilter, TaskState } from '../contract/app/tasks.ts';

/** Where a page begins: after a task of this source, or at what was made before an instant, or at it. */
export type TaskPoint =
  { readonly afterId: string } | { readonly before: string } | { readonly until: string };

export interface TaskPage extends TaskFilter {
  readonly limit: number;
  /** null for the first page. */
  readonly start: TaskPoint | null;
}

/** Tasks that are kept and run in one way, such as those of the queue. */
export interface TaskSource {
  /** Newest first. */
  list(page: TaskPage): Task[];
  /** undefined when it has no such task. */
  get(id: string): Task | undefined;
  counts(kinds: TaskFilter['kinds']): Readonly<Record<TaskState, number>>;
  /** Tasks that cannot do what is asked are left as they are. @returns how many changed */
  act(action: TaskAction, ids: readonly string[]): Promise<number>;
}

/** Hears what happens to tasks. */
export interface TaskEvents {
  publish(event: Extract<WorkbenchEvent, { type: 'task' | 'task-progress' | 'queue' }>): void;
}

const nothing: Record<Exclude<keyof Task['can'], symbol>, boolean> = {
  pause: false,
  resume: false,
  cancel: false,
  retry: false,
  dismiss: false,
  prioritise: false,
};

/** What may be done; whatever is not named may not. */
export function able(abilities: Partial<Task['can']>): Task['can'] {
  return { ...nothing, ...abilities };
}
