import { unitOf } from '../../../electron/contract/app/tasks.ts';
import type { Task } from '../../../electron/contract/app/tasks.ts';
import { i18n } from '../../locales/i18n.ts';
import type { Format } from '../../locales/format.ts';

/** What a task is about, by the names that people know: patient, eye, file, model. */
export function titleOf({ kind, title }: Task): string {
  const { t } = i18n.global;
  const { patientCode, laterality, fileName, moreFiles, model, revision } = title;
  if (kind === 'trace') {
    const eye = laterality === undefined || laterality === 'unknown' ? [] : [t(`eyes.short.${laterality}`)];
    const names = [patientCode ?? [], eye, fileName ?? []].flat();
    return names.length === 0 ? t('tasks.promptAlone') : names.join(' · ');
  }
  if (kind === 'import') {
    if (fileName === undefined) return t('tasks.importOfFiles');
    const more = moreFiles === undefined ? '' : ` + ${moreFiles}`;
    return t('tasks.kinds.import', { title: `${fileName}${more}` });
  }
  return t(`tasks.kinds.${kind}`, { title: revision === undefined ? model : `${model} (${revision})` });
}

/** Model and question of a trace; empty for anything else. */
export function subtitleOf({ kind, title: { model, prompt } }: Task): string {
  return kind === 'trace' ? [model ?? [], prompt ?? []].flat().join(' · ') : '';
}

/** The stage, how much of it is done, how long the rest takes, and what is worked on. */
export function progressText({ state, progress, millisecondsLeft }: Task, format: Format): string {
  const { t } = i18n.global;
  if (progress === null) return state === 'running' ? t('tasks.starting') : '';
  const { stage, done, total, item } = progress;
  const unit = unitOf(stage);
  const show = (amount: number) => (unit === 'bytes' ? format.bytes(amount) : format.integer(amount));
  return [
    state === 'running' ? t(`tasks.stages.${stage}`) : [],
    unit === 'steps' || (done === 0 && total === 0)
      ? []
      : total === 0
        ? show(done)
        : t('tasks.amount', { done: show(done), total: show(total) }),
    millisecondsLeft === null ? [] : t('tasks.timeLeft', { time: format.duration(millisecondsLeft) }),
    item ?? [],
  ]
    .flat()
    .join(' · ');
}
