import { inject, provide, useId } from 'vue';
import type { InjectionKey } from 'vue';

interface FieldContext {
  /** Id of the control that the field's label names. */
  readonly controlId: string;
  readonly hintId: string;
}

const key: InjectionKey<FieldContext> = Symbol('field');

/** Lets the one control within a field be named by its label. */
export function provideField(): FieldContext {
  const id = useId();
  const context = { controlId: id, hintId: `${id}-hint` };
  provide(key, context);
  return context;
}

/** The field around a control; null for one that stands alone and brings its own name. */
export function useField(): FieldContext | null {
  return inject(key, null);
}
