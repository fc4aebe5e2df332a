import type { Content, TDocumentDefinitions } from 'pdfmake/interfaces';

export interface ReportFigure {
  readonly title: string;
  /** PNG as a data URL. */
  readonly picture: string;
}

export interface ReportTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface ReportContent {
  readonly title: string;
  readonly subtitle: string;
  /** What is readable, from which layer on; the first paragraph. */
  readonly verdict: readonly string[];
  /** "Research software, not a medical device", in the reader's language. */
  readonly sentence: string;
  readonly photographs: readonly ReportFigure[];
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly tables: readonly ReportTable[];
  readonly figures: readonly ReportFigure[];
  readonly provenanceTitle: string;
  readonly provenance: readonly string[];
  readonly pageOf: (page: number, pages: number) => string;
}

const soft = '#536670';

/** The report as pdfmake lays it out: A4, photographs, facts, tables, figures, provenance. */
export function reportDocument(report: ReportContent): TDocumentDefinitions {
  const width = 515;
  const across = report.photographs.length === 1 ? 1 : report.photographs.length <= 4 ? 2 : 3;
  const gap = 10;
  const photoWidth = report.photographs.length === 1 ? 300 : (width - gap * (across - 1)) / across;
  const rows = Array.from({ length: Math.ceil(report.photographs.length / across) }, (_, row) =>
    report.photographs.slice(row * across, (row + 1) * across),
  );
  const photographs: Content[] = rows.map((row) => ({
    columns: row.map(({ title, picture }) => ({
      width: photoWidth,
      stack: [
        { image: picture, width: photoWidth },
        { text: title, style: 'caption' },
      ],
    })),
    columnGap: gap,
    margin: [0, 0, 0, 8],
  }));
  return {
    pageSize: 'A4',
    pageMargins: [40, 40, 40, 54],
    info: { title: report.title, creator: 'Fundus Lens' },
    defaultStyle: { font: 'Roboto', fontSize: 9, color: '#12212a', lineHeight: 1.2 },
    styles: {
      title: { fontSize: 17, bold: true },
      heading: { fontSize: 11, bold: true, margin: [0, 10, 0, 4] },
      caption: { fontSize: 8, color: soft, margin: [0, 2, 0, 0] },
    },
    footer: (page, pages) => ({
      margin: [40, 14, 40, 0],
      fontSize: 8,
      color: soft,
      columns: [
        { text: report.sentence, width: '*' },
        { text: report.pageOf(page, pages), width: 'auto' },
      ],
    }),
    content: [
      { text: report.title, style: 'title' },
      { text: report.subtitle, color: soft, margin: [0, 2, 0, 4] },
      ...report.verdict.map((text): Content => ({ text, margin: [0, 0, 0, 3] })),
      { text: report.sentence, bold: true, margin: [0, 0, 0, 10] },
      ...photographs,
      {
        table: {
          widths: [130, '*'],
          body: report.facts.map(([name, value]) => [{ text: name, color: soft }, value]),
        },
        layout: 'lightHorizontalLines',
        margin: [0, 4, 0, 0],
      },
      ...report.tables.flatMap(({ title, head, rows: body }): Content[] => [
        { text: title, style: 'heading' },
        {
          table: {
            headerRows: 1,
            widths: head.map((_, column) => (column === 0 ? '*' : 'auto')),
            body: [head.map((text) => ({ text, bold: true })), ...body.map((row) => [...row])],
          },
          layout: 'lightHorizontalLines',
        },
      ]),
      ...report.figures.map(({ title, picture }): Content => ({
        stack: [
          { text: title, style: 'heading' },
          { image: picture, width },
        ],
        unbreakable: true,
      })),
      { text: report.provenanceTitle, style: 'heading' },
      ...report.provenance.map((line): Content => ({
        text: line,
        fontSize: 8,
        color: soft,
        margin: [0, 0, 0, 3],
      })),
    ],
  };
}

/** The report as a PDF. */
export function makePdf(report: ReportContent): Promise<Blob> {
  return renderPdf(reportDocument(report));
}

/** Sets a document in a font that has Latin and Cyrillic letters; loaded only when one is made. */
export async function renderPdf(document: TDocumentDefinitions): Promise<Blob> {
  const [{ default: pdfMake }, { default: fonts }] = await Promise.all([
    import('pdfmake/build/pdfmake'),
    import('pdfmake/build/fonts/Roboto'),
  ]);
  pdfMake.addFontContainer(fonts);
  return await pdfMake.createPdf(document).getBlob();
}
