import { useI18n } from 'vue-i18n';
import type { ConditionResult } from '../../../../electron/contract/experiments.ts';

type Named = Pick<ConditionResult, 'modelName' | 'prompt' | 'lens' | 'fittedLens'>;

/** A condition by model, prompt and lens; beside others of an experiment, by what tells it from them. */
export function useConditionName() {
  const { t } = useI18n();
  const lensName = ({ lens, fittedLens }: Named) =>
    fittedLens === null ? t(`lenses.${lens}`) : `${t(`lenses.${lens}`)}: ${fittedLens.name}`;
  const whole = (condition: Named) =>
    t('experiments.conditionName', {
      model: condition.modelName,
      prompt: condition.prompt,
      lens: lensName(condition),
    });

  function among(condition: Named, all: readonly Named[]): string {
    const differs = (part: 'modelName' | 'prompt') => all.some((each) => each[part] !== condition[part]);
    const parts = [
      differs('modelName') ? condition.modelName : [],
      differs('prompt') ? t('experiments.quoted', { text: condition.prompt }) : [],
      all.some((each) => lensName(each) !== lensName(condition)) ? lensName(condition) : [],
    ].flat();
    return parts.length === 0 ? whole(condition) : parts.join(', ');
  }

  return { whole, among };
}
