import type { Task, TaskCounts, TaskKind } from '../../../contract/app/tasks.ts';
import { drawTable } from '../../terminal/text-table.ts';

const kindNames: Readonly<Record<TaskKind, string>> = {
  trace: 'trace',
  import: 'import',
  'model-download': 'download',
  'model-copy': 'copy',
  'model-prepare': 'preparation',
  'model-verify': 'verification',
  'cuda-install': 'CUDA library',
  tap: 'hidden states',
  'decoder-fit': 'decoder',
  'lens-fit': 'lens',
  experiment: 'experiment',
};

/** How many tasks there are in each state, and a line for each of those given. */
export function drawTasks(
  tasks: readonly Task[],
  { counts, millisecondsLeft, paused, problem }: TaskCounts,
): string {
  const totals = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`);
  const left =
    millisecondsLeft === null || millisecondsLeft === 0
      ? ''
      : `; about ${Math.ceil(millisecondsLeft / 60_000)} min left`;
  const summary = `${totals.length === 0 ? 'No tasks' : totals.join(', ')}${left}${paused ? '; the queue is paused' : ''}${problem === null ? '' : `; nothing can be stored: ${problem.summary}`}\n`;
  return summary + drawTaskTable(tasks);
}

/** A line for each task; nothing at all without any. */
export function drawTaskTable(tasks: readonly Task[]): string {
  if (tasks.length === 0) return '';
  const rows = tasks.map((task) => [
    task.id,
    kindNames[task.kind],
    describeTitle(task),
    task.state,
    describeProgress(task),
    task.problem === null ? '' : `${task.problem.summary} [${task.problem.code}]`,
  ]);
  return drawTable(['task', 'what', 'of', 'state', 'done', 'problem'], rows, 44);
}

/** Names of what a task is about: patient, eye, file, model. */
export function describeTitle({ title }: Pick<Task, 'title'>): string {
  const { patientCode, laterality, fileName, moreFiles, model, revision } = title;
  const eye = laterality === 'R' || laterality === 'L' ? [laterality] : [];
  const parts = [
    [patientCode ?? [], eye, fileName ?? []].flat().join(' '),
    moreFiles === undefined ? '' : `and ${moreFiles} more`,
    model === undefined ? '' : revision === undefined ? model : `${model} (${revision})`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function describeProgress({ state, progress }: Task): string {
  if (progress === null || state === 'done' || progress.total === 0) return '';
  return `${Math.floor((100 * progress.done) / progress.total)} %`;
}
