import { ref } from 'vue';

/** The theme that the page shows; the settings decide, and whatever draws by itself follows. */
export const pageTheme = ref<'dark' | 'light'>('dark');
