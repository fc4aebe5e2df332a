import { useI18n } from 'vue-i18n';
import type { ConditionResult } from '../../../../electron/contract/experiments.ts';

type Named = Pick<ConditionResult, 'modelName' | 'prompt' | 'lens'>;

/** A condition by model, prompt and lens; beside others of an experiment, by what tells it from them. */
export function useConditionName() {
  const { t } = useI18n();
  const whole = ({ modelName, prompt, lens }: Named) =>
    t('experiments.conditionName', { model: modelName, prompt, lens: t(`lenses.${lens}`) });

  function among(condition: Named, all: readonly Named[]): string {
    const differs = (part: keyof Named) => all.some((each) => each[part] !== condition[part]);
    const parts = [
      differs('modelName') ? condition.modelName : [],
      differs('prompt') ? t('experiments.quoted', { text: condition.prompt }) : [],
      differs('lens') ? t(`lenses.${condition.lens}`) : [],
    ].flat();
    return parts.length === 0 ? whole(condition) : parts.join(', ');
  }

  return { whole, among };
}
