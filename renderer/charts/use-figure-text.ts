import { computed } from 'vue';
import { useI18n } from 'vue-i18n';
import type { FigureText } from './figure.ts';
import { useFormat } from '../locales/use-format.ts';

/** The words of figures in the chosen language. */
export function useFigureText() {
  const { t } = useI18n();
  const format = useFormat();
  return computed<FigureText>(() => ({
    layer: t('terms.layer'),
    rank: t('terms.rank'),
    token: t('terms.token'),
    probability: t('terms.probability'),
    logProbability: t('terms.logProbability'),
    entropy: t('terms.entropy'),
    divergence: t('terms.divergence'),
    nats: t('terms.nats'),
    emergence: t('terms.emergence'),
    concept: t('terms.concept'),
    difference: t('terms.difference'),
    formatNumber: format.value.number,
    formatProbability: format.value.probability,
  }));
}
