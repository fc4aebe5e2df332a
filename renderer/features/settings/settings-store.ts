import { usePreferredDark } from '@vueuse/core';
import { defineStore } from 'pinia';
import { computed, ref, watch } from 'vue';
import type { AppSettings, SettingsPatch } from '../../../electron/contract/app/settings.ts';
import { desktop, workbench } from '../../api/connection.ts';
import { pageTheme } from '../../design/page-theme.ts';
import { i18n } from '../../locales/i18n.ts';
import type { Language } from '../../locales/i18n.ts';

const remembered = 'fundus-lens.appearance';

/** Settings of the workbench, and what they mean for this page: language and theme. */
export const useSettings = defineStore('settings', () => {
  const values = ref<AppSettings | null>(null);
  const early = readRemembered();
  const systemDark = usePreferredDark();

  const language = computed<Language>(() => values.value?.language ?? early.language ?? systemLanguage());
  const themeChoice = computed(() => values.value?.theme ?? early.theme ?? 'dark');
  const theme = computed<'dark' | 'light'>(() => {
    if (themeChoice.value === 'system') return systemDark.value ? 'dark' : 'light';
    return themeChoice.value;
  });

  watch(
    [language, themeChoice, theme],
    () => {
      i18n.global.locale.value = language.value;
      document.documentElement.lang = language.value;
      document.documentElement.dataset['theme'] = theme.value;
      pageTheme.value = theme.value;
      localStorage.setItem(
        remembered,
        JSON.stringify({ language: language.value, theme: themeChoice.value }),
      );
      void desktop
        ?.setAppearance({ language: language.value, theme: themeChoice.value })
        .catch(() => undefined);
    },
    { immediate: true },
  );

  async function load() {
    values.value = await workbench.settings.get();
  }

  async function patch(change: SettingsPatch) {
    values.value = await workbench.settings.patch(change);
  }

  return { values, language, themeChoice, theme, load, patch };
});

function systemLanguage(): Language {
  return navigator.language.toLowerCase().startsWith('ru') ? 'ru' : 'en';
}

function readRemembered(): { language?: Language; theme?: AppSettings['theme'] } {
  try {
    return JSON.parse(localStorage.getItem(remembered) ?? '{}') as ReturnType<typeof readRemembered>;
  } catch {
    return {};
  }
}
