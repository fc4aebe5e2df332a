import { ref } from 'vue';
import { useI18n } from 'vue-i18n';
import type { ComparedLoaded, LoadedTrace } from '../../reading/loaded-trace.ts';
import type { Comparison } from '../../../electron/contract/traces/compare.ts';
import { readChartTheme } from '../../charts/chart-theme.ts';
import { compareReport, traceReport } from './report-content.ts';
import type { ReportWords, TraceReportView } from './report-content.ts';
import { makePdf } from './pdf-document.ts';
import type { ReportContent } from './pdf-document.ts';
import { saveFile } from '../../api/save-file.ts';
import type { Language } from '../../locales/i18n.ts';
import { useReading } from '../../reading/reading-store.ts';
import { useToasts } from '../../ui/toasts-store.ts';
import { useFigureText } from '../../charts/use-figure-text.ts';
import { useFormat } from '../../locales/use-format.ts';

/** PDF reports of a trace or a comparison, in the language of the page. */
export function usePdfReport() {
  const { t, locale } = useI18n();
  const text = useFigureText();
  const format = useFormat();
  const reading = useReading();
  const toasts = useToasts();
  const busy = ref(false);

  const words = (): ReportWords => ({
    t: (key, values) => t(key, values ?? {}),
    text: text.value,
    format: format.value,
    language: locale.value as Language,
    theme: readChartTheme('light'),
    curveScale: reading.curveScale,
    logarithmic: reading.logarithmic,
    scale: reading.scale,
    opacity: reading.opacity,
  });

  async function save(make: () => Promise<ReportContent>, name: string) {
    busy.value = true;
    try {
      await saveFile(name, await makePdf(await make()));
    } catch (error) {
      toasts.fail(error);
    } finally {
      busy.value = false;
    }
  }

  return {
    busy,
    saveTrace: (loaded: LoadedTrace, view: TraceReportView, name: string) =>
      save(() => traceReport(loaded, view, words()), name),
    saveComparison: (
      entries: readonly ComparedLoaded[],
      comparison: Comparison,
      conceptId: string,
      name: string,
    ) => save(() => compareReport(entries, comparison, conceptId, words()), name),
  };
}
