import { createRouter, createWebHashHistory } from 'vue-router';

/** Views are loaded when first shown, so that the library appears at once. */
export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', redirect: '/library' },
    { path: '/library', name: 'library', component: () => import('./features/images/LibraryView.vue') },
    {
      path: '/images/:id(\\d+)',
      name: 'photograph',
      component: () => import('./features/images/PhotographView.vue'),
    },
    {
      path: '/images/:id(\\d+)/protocol',
      name: 'protocol',
      component: () => import('./features/protocols/ProtocolView.vue'),
    },
    {
      path: '/images/:id(\\d+)/drawing',
      name: 'drawing',
      component: () => import('./features/drawings/DrawingView.vue'),
    },
    {
      path: '/images/:id(\\d+)/decoded',
      name: 'decoded',
      component: () => import('./features/decoders/image/DecodedView.vue'),
    },
    {
      path: '/patients/:id(\\d+)',
      name: 'patient',
      component: () => import('./features/patients/PatientView.vue'),
    },
    { path: '/trace', name: 'traces', component: () => import('./features/traces/list/TraceListView.vue') },
    { path: '/trace/:id(\\d+)', name: 'trace', component: () => import('./features/traces/TraceView.vue') },
    { path: '/compare', name: 'compare', component: () => import('./features/compare/CompareView.vue') },
    { path: '/group/:id(\\d+)', name: 'group', component: () => import('./features/groups/GroupView.vue') },
    {
      path: '/experiments',
      name: 'experiments',
      component: () => import('./features/experiments/ExperimentsView.vue'),
    },
    {
      path: '/experiments/new',
      name: 'new-experiment',
      component: () => import('./features/experiments/make/NewExperimentView.vue'),
    },
    {
      path: '/experiments/:id(\\d+)',
      name: 'experiment',
      component: () => import('./features/experiments/results/ExperimentView.vue'),
    },
    { path: '/tasks', name: 'tasks', component: () => import('./features/tasks/TasksView.vue') },
    { path: '/models', name: 'models', component: () => import('./features/models/ModelsView.vue') },
    {
      path: '/decoders',
      name: 'decoders',
      component: () => import('./features/decoders/DecodersView.vue'),
    },
    { path: '/lenses', name: 'lenses', component: () => import('./features/lenses/LensesView.vue') },
    { path: '/concepts', name: 'concepts', component: () => import('./features/concepts/ConceptsView.vue') },
    { path: '/settings', name: 'settings', component: () => import('./shell/SettingsView.vue') },
    { path: '/help', name: 'help', component: () => import('./shell/HelpView.vue') },
    { path: '/:rest(.*)*', redirect: '/library' },
  ],
});
