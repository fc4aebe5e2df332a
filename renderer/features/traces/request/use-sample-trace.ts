import { computed, ref } from 'vue';
import { useI18n } from 'vue-i18n';
import { useRouter } from 'vue-router';
import { workbench } from '../../../api/connection.ts';
import { useTasks } from '../../tasks/tasks-store.ts';
import { useSession } from '../../app/session-store.ts';
import { useSettings } from '../../settings/settings-store.ts';
import { useToasts } from '../../../ui/toasts-store.ts';
import { useWorkspace } from '../../app/workspace-store.ts';

/** One for the window: whichever button began it, all say how far it is. */
const busy = ref(false);
const waiting = ref(false);

/** The first thing to look at: the first patient's first image, traced at every image position, and opened. */
export function useSampleTrace() {
  const { t } = useI18n();
  const router = useRouter();
  const tasks = useTasks();
  const session = useSession();
  const settings = useSettings();
  const toasts = useToasts();
  const workspace = useWorkspace();
  const label = computed(() => {
    if (waiting.value) return t('sample.waiting');
    return busy.value ? t('sample.working') : t('sample.trace');
  });

  async function run() {
    busy.value = true;
    try {
      // In the first seconds of a new library neither its model nor its photographs have to be there.
      if (session.currentModel === null || session.library?.isFilling !== false) {
        waiting.value = true;
        await session.waitUntilFilled().finally(() => (waiting.value = false));
      }
      const model = session.currentModel;
      if (model === null) {
        toasts.info(t('newTrace.noModel'));
        void router.push('/models');
        return;
      }
      const { items } = await workbench.patients.list({ limit: 1 });
      const filter = items[0] === undefined ? {} : { patientId: items[0].id };
      const [first] = await workbench.images.ids({ query: { sort: 'name', filter } });
      if (first === undefined) {
        toasts.info(t('images.empty'));
        return;
      }
      const prompts = await workbench.prompts.list();
      // Of this question, what the controls come to comes with the software.
      const prompt = prompts.find(({ id }) => id === 'one-word') ?? prompts[0];
      const outcome = await workbench.traces.enqueue({
        images: { ids: [first] },
        modelId: model.id,
        prompts: [prompt?.text[settings.language] ?? 'Describe this image.'],
        conceptSetId: settings.values?.trace.conceptSetId ?? 'fundus',
        lens: 'logit',
        positions: 'all',
        maxPixels: null,
        topK: settings.values?.trace.topK ?? 10,
        generate: settings.values?.trace.generate ?? 16,
        traceGenerated: false,
        controls: true,
        priority: 5,
      });
      workspace.trayOpen = true;
      const taskId = [...outcome.added, ...outcome.requeued, ...outcome.existing][0];
      const traceId = outcome.traceIds[0] ?? (taskId === undefined ? null : await tasks.traceOf(taskId));
      workspace.trayOpen = false;
      if (traceId !== null) await router.push(`/trace/${traceId}`);
      else toasts.info(t('sample.failed'));
    } catch (error) {
      toasts.fail(error);
    } finally {
      busy.value = false;
    }
  }

  return { busy, label, run };
}
