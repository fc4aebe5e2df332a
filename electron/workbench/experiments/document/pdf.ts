import type { Content } from 'pdfmake/interfaces';
import { loadPdfMake } from '../../exports/reports/report-pdf.ts';
import type { ReportTable } from '../../exports/reports/report-section.ts';
import type { DocumentSection, ExperimentDocument } from './document.ts';

const soft = '#536670';

/** The experiment as a PDF, A4, with figures that can be enlarged and text that can be copied. */
export async function experimentPdf(document: ExperimentDocument): Promise<Buffer> {
  const { title, question, notice, verdictTitle, verdict, sections, facts, factsTitle } = document;
  const pdfMake = await loadPdfMake();
  const definition = {
    pageSize: 'A4' as const,
    pageMargins: [40, 40, 40, 54] as [number, number, number, number],
    info: { title, creator: 'Fundus Lens' },
    defaultStyle: { font: 'Roboto', fontSize: 9, color: '#12212a', lineHeight: 1.2 },
    styles: {
      title: { fontSize: 17, bold: true },
      section: { fontSize: 12, bold: true, margin: [0, 14, 0, 5] as [number, number, number, number] },
      heading: { fontSize: 10, bold: true, margin: [0, 8, 0, 3] as [number, number, number, number] },
    },
    footer: (page: number, pages: number): Content => ({
      margin: [40, 14, 40, 0],
      fontSize: 8,
      color: soft,
      columns: [
        { text: notice, width: '*' },
        { text: `${page} / ${pages}`, width: 'auto' },
      ],
    }),
    content: [
      { text: title, style: 'title' },
      ...(question === '' ? [] : [{ text: question, color: soft, margin: [0, 4, 0, 0] } as Content]),
      { text: verdictTitle, style: 'section' },
      ...verdict.map((text, index): Content => ({ text, bold: index === 0, margin: [0, 0, 0, 4] })),
      ...sections.flatMap(layOut),
      { text: factsTitle, style: 'section' },
      {
        table: {
          widths: [130, '*'],
          body: facts.map(([name, value]) => [{ text: name, color: soft }, breakable(value)]),
        },
        layout: 'lightHorizontalLines',
      } as Content,
    ],
  };
  return pdfMake.createPdf(definition).getBuffer();
}

function layOut({ title, paragraphs, figures, tables }: DocumentSection): Content[] {
  return [
    { text: title, style: 'section' },
    ...paragraphs.map((text): Content => ({ text, margin: [0, 0, 0, 4] })),
    ...figures.map((svg): Content => ({ svg, width: 500, margin: [0, 4, 0, 4] })),
    ...tables.flatMap(layOutTable),
  ];
}

function layOutTable({ title, note, head, rows }: ReportTable): Content[] {
  return [
    ...(title === '' ? [] : [{ text: title, style: 'heading' } as Content]),
    ...(note === null ? [] : [{ text: note, color: soft, margin: [0, 0, 0, 4] } as Content]),
    {
      fontSize: head.length > 6 ? 7.5 : 9,
      table: {
        headerRows: 1,
        widths: head.map((_, column) => (column === head.length - 1 ? '*' : 'auto')),
        body: [head.map((text) => ({ text, bold: true })), ...rows.map((row) => row.map(breakable))],
      },
      layout: 'lightHorizontalLines',
    },
  ];
}

/** Long names without blanks would push a column off the page. */
function breakable(text: string): string {
  return text.replaceAll(/(\S{16})(?=\S)/g, '$1\u200b');
}
