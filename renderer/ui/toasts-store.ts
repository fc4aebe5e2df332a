import { defineStore } from 'pinia';
import { ref } from 'vue';
import { problemOf } from '../../electron/contract/problem.ts';
import type { Problem } from '../../electron/contract/problem.ts';

export interface Toast {
  readonly id: number;
  readonly tone: 'info' | 'success' | 'error';
  readonly text: string;
  /** Set for an error: what was expected, found, and what to do. */
  readonly problem: Problem | null;
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

/** Short messages at the corner; errors stay until they are closed. */
export const useToasts = defineStore('toasts', () => {
  const list = ref<Toast[]>([]);
  let lastId = 0;

  function show(
    tone: Toast['tone'],
    text: string,
    action: Toast['action'] = null,
    problem: Problem | null = null,
  ) {
    const id = ++lastId;
    list.value = [...list.value.slice(-4), { id, tone, text, problem, action }];
    if (tone !== 'error') setTimeout(() => close(id), action === null ? 4500 : 9000);
  }

  function close(id: number) {
    list.value = list.value.filter((toast) => toast.id !== id);
  }

  return {
    list,
    close,
    info: (text: string, action: Toast['action'] = null) => show('info', text, action),
    success: (text: string, action: Toast['action'] = null) => show('success', text, action),
    /** Tells of anything thrown by a call. */
    fail: (error: unknown) => {
      const problem = problemOf(error);
      show('error', problem.summary, null, problem);
    },
  };
});
