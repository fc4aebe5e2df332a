import { shallowRef, watch } from 'vue';
import { readChartTheme } from './chart-theme.ts';
import { useSettings } from '../features/settings/settings-store.ts';

/** The figures' colours in the theme of the page, and those of print, which are always light. */
export function useChartTheme() {
  const settings = useSettings();
  const theme = shallowRef(readChartTheme(settings.theme));
  const paper = shallowRef(readChartTheme('light'));
  watch(
    () => settings.theme,
    (next) => (theme.value = readChartTheme(next)),
  );
  return { theme, paper };
}
