import type { Content, TDocumentDefinitions } from 'pdfmake/interfaces';
import type { ReportSection, ReportTable } from './report-section.ts';
import type { ReportWords } from './report-words.ts';

const soft = '#536670';
/** By the names that the fonts have inside: drawings find one by it when text was set in it before, and never on disk. */
const fontNames = { normal: 'Roboto-Regular', bold: 'Roboto-Medium' } as const;

/**
 * The report as a PDF, A4: of each trace the verdict first, then the photograph, cautions, tables and provenance.
 *
 * @returns the bytes of the file, with text that can be copied
 */
export async function reportPdf(sections: readonly ReportSection[], words: ReportWords): Promise<Buffer> {
  const pdfMake = await loadPdfMake();
  return await pdfMake.createPdf(layOut(sections, words)).getBuffer();
}

export interface PdfMake {
  readonly virtualfs: { writeFileSync(name: string, content: Buffer): void };
  setFonts(fonts: Readonly<Record<string, Readonly<Record<string, string>>>>): void;
  setUrlAccessPolicy(allows: (url: string) => boolean): void;
  setLocalAccessPolicy(allows: (path: string) => boolean): void;
  createPdf(document: TDocumentDefinitions): { getBuffer(): Promise<Buffer> };
}

/** Loaded only when a report is made. The fonts come with it, and it may read nothing else, neither files nor the network. */
export async function loadPdfMake(): Promise<PdfMake> {
  const [{ default: module }, { default: fonts }] = await Promise.all([
    import('pdfmake'),
    import('pdfmake/build/fonts/Roboto.js'),
  ]);
  const pdfMake = module as unknown as PdfMake;
  for (const name of Object.values(fontNames))
    pdfMake.virtualfs.writeFileSync(name, Buffer.from(fonts.vfs[`${name}.ttf`]!.data, 'base64'));
  pdfMake.setFonts({ Roboto: fontNames });
  pdfMake.setUrlAccessPolicy(() => false);
  pdfMake.setLocalAccessPolicy(() => false);
  return pdfMake;
}

function layOut(sections: readonly ReportSection[], words: ReportWords): TDocumentDefinitions {
  return {
    pageSize: 'A4',
    pageMargins: [40, 40, 40, 54],
    info: { title: words.title, creator: 'Fundus Lens' },
    defaultStyle: { font: 'Roboto', fontSize: 9, color: '#12212a', lineHeight: 1.2 },
    styles: {
      title: { fontSize: 17, bold: true },
      section: { fontSize: 13, bold: true, margin: [0, 10, 0, 6] },
      heading: { fontSize: 11, bold: true, margin: [0, 10, 0, 4] },
    },
    footer: (page, pages) => ({
      margin: [40, 14, 40, 0],
      fontSize: 8,
      color: soft,
      columns: [
        { text: words.notice, width: '*' },
        { text: `${page} / ${pages}`, width: 'auto' },
      ],
    }),
    content: [
      { text: words.title, style: 'title' },
      ...sections.flatMap((section, index): Content[] => layOutSection(section, index > 0)),
    ],
  };
}

function layOutSection(section: ReportSection, isLater: boolean): Content[] {
  const { title, facts, verdict, warnings, tables, picture } = section;
  return [
    { text: title, style: 'section', ...(isLater ? { pageBreak: 'before' } : {}) },
    ...verdict.map((text, index): Content => ({ text, bold: index === 0, margin: [0, 0, 0, 4] })),
    ...(picture === null
      ? []
      : [
          {
            image: `data:image/jpeg;base64,${picture.toString('base64')}`,
            fit: [280, 280] as [number, number],
            margin: [0, 6, 0, 6] as [number, number, number, number],
          },
        ]),
    ...warnings.map((text): Content => ({ text: `! ${text}`, margin: [0, 0, 0, 4] })),
    ...tables.flatMap(layOutTable),
    {
      table: {
        widths: [130, '*'],
        body: facts.map(([name, value]) => [{ text: name, color: soft }, value]),
      },
      layout: 'lightHorizontalLines',
      margin: [0, 10, 0, 0],
    },
  ];
}

function layOutTable({ title, note, head, rows }: ReportTable): Content[] {
  return [
    { text: title, style: 'heading' },
    ...(note === null
      ? []
      : [{ text: note, color: soft, margin: [0, 0, 0, 4] as [number, number, number, number] }]),
    ...(head.length === 0
      ? []
      : [
          {
            table: {
              headerRows: 1,
              widths: head.map((_, column) => (column === head.length - 1 ? '*' : 'auto')),
              body: [head.map((text) => ({ text, bold: true })), ...rows.map((row) => [...row])],
            },
            layout: 'lightHorizontalLines',
          },
        ]),
  ];
}
