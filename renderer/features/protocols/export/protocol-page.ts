import type { Content, TDocumentDefinitions } from 'pdfmake/interfaces';
import type { ImageDetail } from '../../../../electron/contract/images/images.ts';
import { mediaUrl } from '../../../../electron/contract/images/media.ts';
import type { ProtocolVersion } from '../../../../electron/contract/protocols/protocols.ts';
import type { Protocol } from '../../../../electron/protocol/protocol.ts';
import { sentencesOf } from '../../../../electron/protocol/realise.ts';
import type { ProtocolSchema } from '../../../../electron/protocol/schema.ts';
import type { ProtocolLanguage } from '../../../../electron/protocol/schema-format.ts';
import type { Format } from '../../../locales/format.ts';
import { plainAdjustment } from '../../../viewer/image-adjustment.ts';
import { overlayCanvas } from '../../exports/overlay-picture.ts';
import { visitText } from '../../visits/visit-text.ts';

export interface PageWords {
  readonly t: (key: string, values?: Record<string, unknown>) => string;
  readonly format: Format;
  readonly language: ProtocolLanguage;
}

const soft = '#536670';
const photoWidth = 230;

/** One page to be filed: photograph, whose eye and when, the description by parts of the fundus, a line to sign on. */
export async function protocolPage(
  schema: ProtocolSchema,
  protocol: Protocol,
  version: ProtocolVersion,
  detail: ImageDetail,
  words: PageWords,
): Promise<TDocumentDefinitions> {
  const { t, format, language } = words;
  const picture = await overlayCanvas(mediaUrl(detail.image, 'view'), null, plainAdjustment(), '');
  return {
    pageSize: 'A4',
    pageMargins: [40, 40, 40, 54],
    info: { title: schema.title[language], creator: 'Fundus Lens' },
    defaultStyle: { font: 'Roboto', fontSize: 9.5, color: '#12212a', lineHeight: 1.25 },
    footer: (page, pages) => ({
      margin: [40, 14, 40, 0],
      fontSize: 8,
      color: soft,
      columns: [
        { text: t('help.research'), width: '*' },
        { text: `${page} / ${pages}`, width: 'auto' },
      ],
    }),
    content: [
      { text: schema.title[language], fontSize: 17, bold: true, margin: [0, 0, 0, 10] },
      {
        columns: [
          { image: picture.toDataURL('image/jpeg', 0.9), fit: [photoWidth, photoWidth], width: photoWidth },
          {
            width: '*',
            table: {
              widths: [92, '*'],
              body: factsOf(protocol, version, detail, words).map(([name, value]) => [
                { text: name, color: soft },
                value,
              ]),
            },
            layout: 'lightHorizontalLines',
          },
        ],
        columnGap: 14,
        margin: [0, 0, 0, 12],
      },
      ...sentencesOf(schema, protocol, language).map(({ groups, text }): Content => ({
        text,
        bold: groups.includes('conclusion'),
        margin: [0, 0, 0, 4],
      })),
      {
        columns: [
          { text: `${t('protocol.observer')}: ${protocol.observer ?? ''}`, width: '*' },
          { text: `${t('protocol.signature')} ______________________`, width: 'auto' },
        ],
        margin: [0, 22, 0, 0],
      },
      {
        text: `${t('protocol.version')} ${version.version} · ${format.dateTime(version.createdAt)} · SHA-256 ${detail.image.sha256}`,
        fontSize: 7.5,
        color: soft,
        margin: [0, 10, 0, 0],
      },
    ],
  };
}

/** Code of the patient, never a name. */
function factsOf(
  { observer }: Protocol,
  version: ProtocolVersion,
  { image, patient, visit }: ImageDetail,
  { t, format }: PageWords,
): [string, string][] {
  const facts: [string, string | null][] = [
    [t('images.patient'), patient?.code ?? t('images.noPatient')],
    [t('images.eye'), t(`eyes.long.${image.laterality}`)],
    [t('images.visit'), visitText(visit, format) || null],
    [t('images.fields.captured'), image.capturedAt === null ? null : format.date(image.capturedAt)],
    [t('images.fields.camera'), image.camera],
    [t('images.fields.size'), image.fileName],
    [t('protocol.observer'), observer === '' ? null : observer],
    [t('protocol.savedAt'), format.dateTime(version.createdAt)],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}
