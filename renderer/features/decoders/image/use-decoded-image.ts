import { computed, onUnmounted, ref, shallowRef } from 'vue';
import type { DecodedImage } from '../../../../electron/contract/protocols/decoded.ts';
import type { DecoderReport } from '../../../../electron/contract/protocols/decoder-report.ts';
import type { ImageAnswer } from '../../../../electron/contract/protocols/said.ts';
import type { ImageDetail } from '../../../../electron/contract/images/images.ts';
import { problemOf, type Problem } from '../../../../electron/contract/problem.ts';
import type { StoredProtocol } from '../../../../electron/contract/protocols/protocols.ts';
import { isOver, type Task } from '../../../../electron/contract/app/tasks.ts';
import { workbench } from '../../../api/connection.ts';
import { onWorkbenchEvent } from '../../../api/events.ts';
import { useProtocols } from '../../protocols/common/protocols-store.ts';
import { useDecoders } from '../common/decoders-store.ts';

/** More would not fit beside each other. */
const mostOthers = 3;

/** One image read by one decoder at all layers, beside the protocols that others wrote about it. */
export function useDecodedImage() {
  const protocols = useProtocols();
  const decoders = useDecoders();
  const detail = shallowRef<ImageDetail | null>(null);
  const decoded = shallowRef<DecodedImage | null>(null);
  const report = shallowRef<DecoderReport | null>(null);
  const others = shallowRef<StoredProtocol[]>([]);
  /** What the decoder's model answers itself; empty as long as it was not asked. */
  const answers = shallowRef<ImageAnswer[]>([]);
  /** Tasks that ask the model about this image. */
  const questions = ref<readonly string[]>([]);
  /** Of the image or the list of decoders: nothing can be shown. */
  const problem = shallowRef<Problem | null>(null);
  /** Of the reading: another decoder may do. */
  const readProblem = shallowRef<Problem | null>(null);
  const working = ref(false);
  let wanted = 0;
  let asked = 0;

  async function open(imageId: number): Promise<void> {
    const request = ++wanted;
    problem.value = null;
    try {
      const [image] = await Promise.all([
        workbench.images.get({ id: imageId }),
        protocols.load(),
        decoders.load(),
      ]);
      if (request !== wanted) return;
      detail.value = image;
      await Promise.all([loadOthers(), read()]);
    } catch (error) {
      if (request === wanted) problem.value = problemOf(error);
    }
  }

  async function loadOthers(): Promise<void> {
    const imageId = detail.value?.image.id;
    if (imageId === undefined) return;
    const versions = await workbench.protocols.list({ imageId });
    const found = await Promise.all(
      versions.slice(0, mostOthers).map(({ id }) => workbench.protocols.get({ id })),
    );
    if (detail.value?.image.id === imageId) others.value = found;
  }

  /** Reads the image with the chosen decoder. */
  async function read(): Promise<void> {
    const question = ++asked;
    const imageId = detail.value?.image.id;
    const id = decoders.decoderId;
    decoded.value = null;
    answers.value = [];
    questions.value = [];
    readProblem.value = null;
    if (imageId === undefined || id === null) return;
    working.value = true;
    try {
      const [scores, found, said] = await Promise.all([
        decoders.report(id),
        workbench.decoders.apply({ decoderId: id, imageId }),
        workbench.decoders.answers({ decoderId: id, imageId }),
      ]);
      if (question !== asked) return;
      answers.value = said;
      report.value = scores;
      decoded.value = found;
    } catch (error) {
      if (question === asked) readProblem.value = problemOf(error);
    } finally {
      if (question === asked) working.value = false;
    }
  }

  /** Asks the model the yes/no questions about this image; what it was asked before is not asked again. */
  async function ask(): Promise<void> {
    const imageId = detail.value?.image.id;
    const id = decoders.decoderId;
    if (imageId === undefined || id === null) return;
    try {
      questions.value = (await workbench.decoders.ask({ decoderId: id, images: { ids: [imageId] } })).tasks;
    } catch (error) {
      readProblem.value = problemOf(error);
    }
  }

  async function takeAnswers({ id, state, problem: found }: Task): Promise<void> {
    questions.value = questions.value.filter((each) => each !== id);
    if (state === 'failed') readProblem.value = found;
    const imageId = detail.value?.image.id;
    const decoderId = decoders.decoderId;
    if (state !== 'done' || imageId === undefined || decoderId === null) return;
    const said = await workbench.decoders.answers({ decoderId, imageId });
    if (detail.value?.image.id === imageId && decoders.decoderId === decoderId) answers.value = said;
  }

  onUnmounted(
    onWorkbenchEvent((event) => {
      if (event.type === 'task' && questions.value.includes(event.task.id) && isOver(event.task))
        void takeAnswers(event.task).catch(() => undefined);
      if (event.type === 'resync' || (event.type === 'library' && event.what === 'protocols'))
        void loadOthers().catch(() => undefined);
    }),
  );

  return {
    schema: computed(() => protocols.schema),
    decoder: computed(() => decoders.list?.find(({ id }) => id === decoders.decoderId) ?? null),
    detail,
    decoded,
    report,
    others,
    answers,
    problem,
    readProblem,
    working,
    asking: computed(() => questions.value.length > 0),
    open,
    read,
    ask,
  };
}
