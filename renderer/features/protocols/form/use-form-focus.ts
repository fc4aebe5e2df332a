import { nextTick, type Ref } from 'vue';

const control = ':is([role="radio"][tabindex="0"], [role="combobox"], input)';

/** The focus in a long form: ↑ ↓ and Enter go from field to field, PageUp and PageDown from part to part. */
export function useFormFocus(
  form: Readonly<Ref<HTMLElement | undefined>>,
  groups: () => readonly { readonly id: string }[],
) {
  /** The group in which the focus is; the first when it is elsewhere. */
  function currentGroup(): string | undefined {
    const card = document.activeElement?.closest<HTMLElement>('[data-group]');
    return card?.dataset['group'] ?? groups()[0]?.id;
  }

  function goTo(groupId: string): void {
    const card = form.value?.querySelector(`[data-group="${groupId}"]`);
    card?.scrollIntoView({ block: 'start' });
    card?.querySelector<HTMLElement>(`.field-row ${control}`)?.focus({ preventScroll: true });
  }

  /** To a neighbouring group; to the first one when the focus is outside the form. */
  function step(by: number): void {
    const all = groups();
    const inForm = document.activeElement?.closest('[data-group]') != null;
    const next = all[inForm ? all.findIndex(({ id }) => id === currentGroup()) + by : 0];
    if (next !== undefined) goTo(next.id);
  }

  /** To a neighbouring field; what was entered may have brought fields that were not there. */
  async function move(by: number): Promise<void> {
    await nextTick();
    const rows = [...(form.value?.querySelectorAll<HTMLElement>('.field-row') ?? [])].filter((row) =>
      row.checkVisibility(),
    );
    const row = document.activeElement?.closest<HTMLElement>('.field-row');
    if (row == null) return;
    const next = rows[rows.indexOf(row) + by]?.querySelector<HTMLElement>(control);
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: 'nearest' });
  }

  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = directionOf(event);
    if (by === null) return;
    event.preventDefault();
    if (event.key.startsWith('Page')) step(by);
    else void move(by);
  }

  return { currentGroup, goTo, step, onKey };
}

/** Forwards, backwards, or null when the key belongs to the control: buttons and lists take Enter, lists take ↑ ↓. */
function directionOf({ key, shiftKey, target }: KeyboardEvent): 1 | -1 | null {
  if (key === 'PageDown') return 1;
  if (key === 'PageUp') return -1;
  const isField =
    target instanceof HTMLInputElement ||
    (target instanceof HTMLElement && target.getAttribute('role') === 'radio');
  if (!isField) return null;
  if (key === 'Enter') return shiftKey ? -1 : 1;
  return key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : null;
}
