import { onMounted, onUnmounted } from 'vue';

type Handler = (event: KeyboardEvent) => void;

const handlers = new Map<string, Handler[]>();

/** `ctrl+z`, `shift+arrowleft`, `?`: modifiers in this order, then the key in lower case; Command counts as Control. */
export function keyName(
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>,
): string {
  const key = event.key === ' ' ? 'space' : event.key.toLowerCase();
  const isLetterless = key.length === 1 && !/[a-zа-яё0-9]/i.test(key);
  return [
    event.ctrlKey || event.metaKey ? 'ctrl+' : '',
    event.altKey ? 'alt+' : '',
    event.shiftKey && !isLetterless ? 'shift+' : '',
    key,
  ].join('');
}

/** The same key by its place on the keyboard, so that shortcuts also work with a Russian layout. */
function keyByPlace(event: KeyboardEvent): string | null {
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1]?.toLowerCase();
  if (letter === undefined || event.key.toLowerCase() === letter) return null;
  return keyName({ ...pick(event), key: letter });
}

function pick({ ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent) {
  return { ctrlKey, metaKey, altKey, shiftKey };
}

let listening = false;

function listen() {
  if (listening) return;
  listening = true;
  window.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const names = [keyName(event), keyByPlace(event)];
    const handler = names.flatMap((name) => (name === null ? [] : (handlers.get(name)?.slice(-1) ?? [])))[0];
    if (handler === undefined || isTyping(event) || isBehindDialog()) return;
    event.preventDefault();
    handler(event);
  });
}

/** Lists that drop down and menus go to the entry that begins with the letter; the grid of images is no such list. */
const takesLetters = '[role="combobox"], .listbox, [role="menu"]';

/** Letters belong to a field while somebody types; keys that a control needs belong to the control. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLTextAreaElement) return true;
  if (target.closest(takesLetters) !== null) return event.key !== 'Escape' || isOpen(target);
  if (target instanceof HTMLInputElement) {
    return target.type === 'range'
      ? event.key.startsWith('Arrow')
      : !['checkbox', 'radio'].includes(target.type);
  }
  return event.key === ' ' && (target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement);
}

/** A list that is closed has no use for Escape, though the focus stays on it after a choice. */
function isOpen(target: HTMLElement): boolean {
  const list = target.closest('[role="combobox"]');
  return list === null || list.getAttribute('aria-expanded') === 'true';
}

/** An open dialog has all keys for itself; Escape closes it, which it does only when nobody took the key before. */
function isBehindDialog(): boolean {
  return (
    document.querySelector(
      '[role="dialog"][aria-modal="true"], [role="dialog"][data-state="open"].dialog',
    ) !== null
  );
}

/** Answers keys while the component is mounted; the component mounted last is asked first. */
export function useShortcuts(keys: Readonly<Record<string, Handler>>) {
  onMounted(() => {
    listen();
    for (const [name, handler] of Object.entries(keys))
      handlers.set(name, [...(handlers.get(name) ?? []), handler]);
  });
  onUnmounted(() => {
    for (const [name, handler] of Object.entries(keys)) {
      handlers.set(
        name,
        (handlers.get(name) ?? []).filter((other) => other !== handler),
      );
    }
  });
}
