import { createRouter, createWebHashHistory } from 'vue-router';

/** Views are loaded when first shown, so that the library appears at once. */
export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', redirect: '/library' },
    { path: '/library', name: 'library', component: () => import('./views/LibraryView.vue') },
    { path: '/trace', name: 'traces', component: () => import('./views/TraceListView.vue') },
    { path: '/trace/:id(\\d+)', name: 'trace', component: () => import('./views/TraceView.vue') },
    { path: '/compare', name: 'compare', component: () => import('./views/CompareView.vue') },
    { path: '/group/:id(\\d+)', name: 'group', component: () => import('./views/GroupView.vue') },
    { path: '/jobs', name: 'jobs', component: () => import('./views/JobsView.vue') },
    { path: '/models', name: 'models', component: () => import('./views/ModelsView.vue') },
    { path: '/concepts', name: 'concepts', component: () => import('./views/ConceptsView.vue') },
    { path: '/settings', name: 'settings', component: () => import('./views/SettingsView.vue') },
    { path: '/help', name: 'help', component: () => import('./views/HelpView.vue') },
    { path: '/:rest(.*)*', redirect: '/library' },
  ],
});
