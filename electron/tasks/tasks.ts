import { FundusLensError } from '../contract/errors.ts';
import { taskStates } from '../contract/app/tasks.ts';
import type { Task, TaskAction, TaskFilter, TaskState } from '../contract/app/tasks.ts';
import type { TaskSource } from './task-source.ts';

/** All long work, wherever it is kept and run. */
export class Tasks {
  readonly #sources: readonly TaskSource[];

  /** @param sources of tasks made in the same millisecond, those of an earlier source stand first */
  constructor(sources: readonly TaskSource[]) {
    this.#sources = sources;
  }

  /**
   * Newest first.
   *
   * @param before only tasks that stand after this one
   * @throws FundusLensError `input.invalid` when there is no such task
   */
  list(filter: TaskFilter, limit: number, before?: string): Task[] {
    const cursor = before === undefined ? null : { source: this.#sourceOf(before), task: this.get(before) };
    const pages = this.#sources.map((source, rank) => {
      if (cursor === null) return source.list({ ...filter, limit, start: null });
      const { id, createdAt } = cursor.task;
      // Of the same millisecond, those of an earlier source stood before the cursor.
      const rankOfCursor = this.#sources.indexOf(cursor.source);
      const start =
        rank === rankOfCursor
          ? { afterId: id }
          : rank < rankOfCursor
            ? { before: createdAt }
            : { until: createdAt };
      return source.list({ ...filter, limit, start });
    });
    return mergeNewestFirst(pages, limit);
  }

  /** @throws FundusLensError `input.invalid` when there is no such task */
  get(id: string): Task {
    return this.#sourceOf(id).get(id)!;
  }

  counts(kinds?: TaskFilter['kinds']): Record<TaskState, number> {
    const all = this.#sources.map((source) => source.counts(kinds));
    const entries = taskStates.map((state) => [state, all.reduce((sum, counts) => sum + counts[state], 0)]);
    return Object.fromEntries(entries) as Record<TaskState, number>;
  }

  /** Tasks that cannot do what is asked, and unknown ones, are left as they are. @returns how many changed */
  async act(action: TaskAction, ids: readonly string[]): Promise<number> {
    let changed = 0;
    for (const source of this.#sources) changed += await source.act(action, ids);
    return changed;
  }

  #sourceOf(id: string): TaskSource {
    const source = this.#sources.find((candidate) => candidate.get(id) !== undefined);
    if (source !== undefined) return source;
    throw new FundusLensError('input.invalid', 'There is no such task any more.', {
      found: id,
      advice: 'Reload the list of tasks.',
    });
  }
}

function mergeNewestFirst(pages: readonly (readonly Task[])[], limit: number): Task[] {
  const next = pages.map(() => 0);
  const merged: Task[] = [];
  while (merged.length < limit) {
    let best = -1;
    for (const [page, tasks] of pages.entries()) {
      const task = tasks[next[page]!];
      if (task === undefined) continue;
      if (best < 0 || task.createdAt > pages[best]![next[best]!]!.createdAt) best = page;
    }
    if (best < 0) break;
    merged.push(pages[best]![next[best]!]!);
    next[best]! += 1;
  }
  return merged;
}
