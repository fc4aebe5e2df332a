import { computed, ref, shallowRef } from 'vue';
import type { ImageDetail } from '../../../../electron/contract/images/images.ts';
import { problemOf, type Problem } from '../../../../electron/contract/problem.ts';
import type { ProtocolVersion } from '../../../../electron/contract/protocols/protocols.ts';
import type { DrawnShape } from '../../../../electron/protocol/geometry/drawing.ts';
import { ProtocolError } from '../../../../electron/protocol/protocol-error.ts';
import { workbench } from '../../../api/connection.ts';
import { useToasts } from '../../../ui/toasts-store.ts';
import { blankProtocol, ProtocolDraft } from './protocol-draft.ts';
import { useProtocols } from '../common/protocols-store.ts';

/** One image's protocol of one observer: opened, edited, saved. */
export function useProtocolSession() {
  const store = useProtocols();
  const toasts = useToasts();
  const detail = shallowRef<ImageDetail | null>(null);
  const draft = shallowRef<ProtocolDraft | null>(null);
  const version = shallowRef<ProtocolVersion | null>(null);
  const observer = ref('');
  /** What the observer drew on the photograph. */
  const shapes = shallowRef<readonly DrawnShape[]>([]);
  const problem = shallowRef<Problem | null>(null);
  let wanted = 0;
  let saving: Promise<boolean> = Promise.resolve(true);

  /** Opens what an observer wrote about an image: who wrote here last, or any, when nobody is named. */
  async function open(imageId: number, name?: string): Promise<void> {
    const request = ++wanted;
    problem.value = null;
    try {
      const [schema, image, versions, drawings] = await Promise.all([
        store.load(),
        workbench.images.get({ id: imageId }),
        workbench.protocols.list({ imageId }),
        workbench.drawings.list({ imageId }),
      ]);
      const who = name ?? store.lastObserver();
      const current =
        versions.find((each) => each.observer === who) ?? (name === undefined ? versions[0] : undefined);
      const stored = current === undefined ? null : await workbench.protocols.get({ id: current.id });
      if (request !== wanted) return;
      observer.value = current?.observer ?? who;
      version.value = stored?.version ?? null;
      shapes.value = drawings.find((each) => each.version.observer === observer.value)?.drawing.shapes ?? [];
      draft.value = new ProtocolDraft(
        schema,
        stored?.protocol ?? blankProtocol(schema, image.image, observer.value),
      );
      const proposed = store.takeProposal(imageId);
      if (proposed !== null) draft.value.adopt(proposed);
      detail.value = image;
    } catch (error) {
      if (request === wanted) problem.value = problemOf(error);
    }
  }

  /** @returns whether everything is kept now */
  function save(): Promise<boolean> {
    saving = saving.then(saveNow);
    return saving;
  }

  async function saveNow(): Promise<boolean> {
    const [now, image] = [draft.value, detail.value];
    if (now === null || image === null || !now.isDirty.value) return true;
    const { values } = now.protocol;
    try {
      const saved = await workbench.protocols.save({
        imageId: image.image.id,
        observer: observer.value,
        values,
        basedOn: version.value?.version ?? 0,
      });
      now.markSaved(saved.protocol);
      if (draft.value === now) version.value = saved.version;
      await store.rememberObserver(observer.value);
      return true;
    } catch (error) {
      toasts.fail(error);
      return false;
    }
  }

  /** Goes on under another name: a description that was never saved goes with the name, a saved one stays as it is. */
  async function changeObserver(name: string): Promise<void> {
    const image = detail.value?.image;
    if (image === undefined || name === observer.value) return;
    try {
      const listed = await workbench.protocols.list({ imageId: image.id });
      if (version.value === null && !listed.some((each) => each.observer === name)) {
        observer.value = name;
        draft.value?.rename(name);
      } else if (await save()) {
        await open(image.id, name);
      }
    } catch (error) {
      toasts.fail(error);
    }
  }

  /** Runs an edit of the draft; a value that does not fit is told. */
  function edit(change: (draft: ProtocolDraft) => void): void {
    if (draft.value === null) return;
    try {
      change(draft.value);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      toasts.fail(error);
    }
  }

  return {
    schema: computed(() => store.schema),
    observers: computed(() => store.observers),
    detail,
    draft,
    shapes,
    version,
    observer,
    problem,
    open,
    save,
    changeObserver,
    edit,
  };
}
