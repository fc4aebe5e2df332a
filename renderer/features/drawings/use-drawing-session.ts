import { computed, ref, shallowRef } from 'vue';
import type { StoredDrawing } from '../../../electron/contract/protocols/drawings.ts';
import type { ImageDetail } from '../../../electron/contract/images/images.ts';
import { problemOf, type Problem } from '../../../electron/contract/problem.ts';
import type { Protocol } from '../../../electron/protocol/protocol.ts';
import { workbench } from '../../api/connection.ts';
import { useToasts } from '../../ui/toasts-store.ts';
import { useProtocols } from '../protocols/common/protocols-store.ts';
import { DrawingDraft } from './drawing-draft.ts';

/** What one observer draws on one photograph: opened, edited, saved. */
export function useDrawingSession() {
  const store = useProtocols();
  const toasts = useToasts();
  const detail = shallowRef<ImageDetail | null>(null);
  const draft = shallowRef<DrawingDraft | null>(null);
  const version = ref(0);
  const observer = ref('');
  /** What the observer's protocol says now; null when there is none. */
  const protocol = shallowRef<Protocol | null>(null);
  /** What others have drawn here. */
  const others = shallowRef<readonly StoredDrawing[]>([]);
  const problem = shallowRef<Problem | null>(null);
  const intoProtocol = ref(true);
  const replaceManual = ref(false);
  let wanted = 0;
  let saving: Promise<boolean> = Promise.resolve(true);

  /** Opens what an observer drew: who wrote here last, or any, when nobody is named. */
  async function open(imageId: number, name?: string): Promise<void> {
    const request = ++wanted;
    problem.value = null;
    try {
      const [, image, drawings, protocols] = await Promise.all([
        store.load(),
        workbench.images.get({ id: imageId }),
        workbench.drawings.list({ imageId }),
        workbench.protocols.list({ imageId }),
      ]);
      const last = store.lastObserver();
      const drew = (who: string) => drawings.find(({ version: each }) => each.observer === who);
      const own = drew(name ?? last) ?? (name === undefined ? drawings[0] : undefined);
      const who = own?.version.observer ?? name ?? last;
      const written = protocols.find((each) => each.observer === who);
      const stored = written === undefined ? null : await workbench.protocols.get({ id: written.id });
      if (request !== wanted) return;
      observer.value = who;
      version.value = own?.version.version ?? 0;
      draft.value = new DrawingDraft(own?.drawing.shapes ?? []);
      others.value = drawings.filter((each) => each !== own);
      protocol.value = stored?.protocol ?? null;
      replaceManual.value = false;
      detail.value = image;
    } catch (error) {
      if (request === wanted) problem.value = problemOf(error);
    }
  }

  /**
   * @param follows whether to save what is not changed too, so that the protocol takes the measurements
   * @returns whether everything is kept now
   */
  function save(follows = false): Promise<boolean> {
    saving = saving.then(() => saveNow(follows));
    return saving;
  }

  async function saveNow(follows: boolean): Promise<boolean> {
    const [now, image] = [draft.value, detail.value];
    if (now === null || image === null || !(now.isDirty.value || follows)) return true;
    const { shapes } = now;
    try {
      const saved = await workbench.drawings.save({
        imageId: image.image.id,
        observer: observer.value,
        shapes: [...shapes],
        basedOn: version.value,
        intoProtocol: intoProtocol.value,
        replaceManual: replaceManual.value,
      });
      now.markSaved(shapes);
      if (draft.value === now) {
        version.value = saved.stored.version.version;
        protocol.value = saved.protocol?.protocol ?? protocol.value;
        replaceManual.value = false;
      }
      await store.rememberObserver(observer.value);
      return true;
    } catch (error) {
      toasts.fail(error);
      return false;
    }
  }

  /** Goes on under another name: what was never saved goes with the name, a saved drawing stays as it is. */
  async function changeObserver(name: string): Promise<void> {
    const image = detail.value?.image;
    if (image === undefined || name === observer.value) return;
    const isNew = version.value === 0 && !others.value.some((each) => each.version.observer === name);
    if (isNew) observer.value = name;
    else if (await save()) await open(image.id, name);
  }

  return {
    schema: computed(() => store.schema),
    observers: computed(() => store.observers),
    detail,
    draft,
    version,
    observer,
    protocol,
    others,
    problem,
    intoProtocol,
    replaceManual,
    open,
    save,
    changeObserver,
  };
}
