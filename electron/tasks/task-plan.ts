import type { Problem } from '../contract/problem.ts';
import type { Task, TaskKind, TaskState, TaskTitle } from '../contract/app/tasks.ts';
import type { WorkHooks } from './queued-work.ts';
import { able } from './task-source.ts';

/** Something long that this process does, and what to keep of it when it is interrupted. */
export interface TaskPlan {
  readonly id: string;
  readonly kind: TaskKind;
  readonly title: TaskTitle;
  readonly modelId?: number;
  readonly importId?: number;
  readonly createdAt: string;
  /** Whether it may be paused, and goes on from where it was. */
  readonly resumable: boolean;
  /** Whether `run` may be called again after a failure or a cancellation. */
  readonly repeatable: boolean;
  /** Whether it stops when offline mode is switched on. */
  readonly usesNetwork?: boolean;
  /** Tasks of one lane run one after another; any others run at once. */
  readonly lane?: string;
  /** @returns the id of the model that was made or judged; null for none */
  run(hooks: WorkHooks): Promise<number | null>;
  /** Keeps the state for the next start; called at every change but the end. */
  remember?(state: 'running' | 'paused' | 'failed', problem: Problem | null): Promise<void>;
  /** Takes away what a cancelled task leaves. */
  discard?(): Promise<void>;
}

/** What may be done about such a task now. */
export function abilitiesOf({ resumable, repeatable }: TaskPlan, state: TaskState): Task['can'] {
  return able({
    pause: state === 'running' && resumable,
    resume: state === 'paused',
    cancel:
      state === 'running' || state === 'queued' || state === 'paused' || (state === 'failed' && resumable),
    retry: repeatable && (state === 'failed' || state === 'cancelled'),
    dismiss: state === 'done' || state === 'cancelled' || (state === 'failed' && !resumable),
  });
}
