import { shallowRef, watch } from 'vue';
import { pageTheme } from '../design/page-theme.ts';
import { readChartTheme } from './chart-theme.ts';

/** The figures' colours in the theme of the page, and those of print, which are always light. */
export function useChartTheme() {
  const theme = shallowRef(readChartTheme(pageTheme.value));
  const paper = shallowRef(readChartTheme('light'));
  watch(pageTheme, (next) => (theme.value = readChartTheme(next)));
  return { theme, paper };
}
