import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './design/tokens.css';
import './design/base.css';
import './design/controls.css';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import { z } from 'zod';
import App from './App.vue';
import { startEventStreams } from './api/events.ts';
import { i18n } from './locales/i18n.ts';
import { router } from './router.ts';

// The page's policy forbids code made from text.
z.config({ jitless: true });

startEventStreams();
createApp(App).use(createPinia()).use(i18n).use(router).mount('#app');
