import { computed, ref } from 'vue';
import { useI18n } from 'vue-i18n';
import type { ProtocolFormat } from '../../../../electron/contract/protocols/protocols.ts';
import type { ProtocolLanguage } from '../../../../electron/protocol/schema-format.ts';
import { workbench } from '../../../api/connection.ts';
import { fileNameOf, saveFile } from '../../../api/save-file.ts';
import { useFormat } from '../../../locales/use-format.ts';
import type { MenuAction } from '../../../ui/menu-action.ts';
import { useToasts } from '../../../ui/toasts-store.ts';
import { renderPdf } from '../../exports/pdf-document.ts';
import { useExport } from '../../exports/use-export.ts';
import { protocolPage } from './protocol-page.ts';
import type { useProtocolSession } from '../draft/use-protocol-session.ts';

/** Hands the protocol over as a file; what is on the screen is saved first, so that the file has a version. */
export function useProtocolExport(session: ReturnType<typeof useProtocolSession>) {
  const { t, locale } = useI18n();
  const format = useFormat();
  const toasts = useToasts();
  const { busy, save } = useExport();
  const drawing = ref(false);
  const language = () => locale.value as ProtocolLanguage;

  const isKept = async () => (await session.save()) && session.version.value !== null;

  async function saveAs(kind: ProtocolFormat) {
    if (!(await isKept())) return;
    const which = { ids: [session.version.value!.id] };
    await save(() => workbench.protocols.export({ which, format: kind, language: language() }));
  }

  async function savePdf() {
    if (!(await isKept())) return;
    const { draft, detail, version, schema } = session;
    drawing.value = true;
    try {
      const words = { t: (key: string, values?: Record<string, unknown>) => t(key, values ?? {}) };
      const page = await protocolPage(schema.value!, draft.value!.protocol, version.value!, detail.value!, {
        ...words,
        format: format.value,
        language: language(),
      });
      const name = fileNameOf(
        ['protocol', detail.value!.patient?.code ?? detail.value!.image.fileName],
        'pdf',
      );
      await saveFile(name, await renderPdf(page));
    } catch (error) {
      toasts.fail(error);
    } finally {
      drawing.value = false;
    }
  }

  const actions = computed<MenuAction[]>(() => {
    const disabled = session.version.value === null && session.draft.value?.isDirty.value !== true;
    return [
      { text: t('protocol.exports.pdf'), testid: 'protocol-pdf', disabled, run: savePdf },
      { text: t('protocol.exports.json'), testid: 'protocol-json', disabled, run: () => saveAs('json') },
      { text: t('protocol.exports.fhir'), testid: 'protocol-fhir', disabled, run: () => saveAs('fhir') },
      { text: t('protocol.exports.csv'), testid: 'protocol-csv', disabled, run: () => saveAs('csv') },
    ];
  });
  return { actions, busy: computed(() => busy.value || drawing.value) };
}
