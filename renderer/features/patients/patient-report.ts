import { mediaUrl } from '../../../electron/contract/images/media.ts';
import type { PatientRecord, RecordedImage } from '../../../electron/contract/images/patients.ts';
import { findingName } from '../../../electron/contract/protocols/finding-names.ts';
import type { Format } from '../../locales/format.ts';
import type { Language } from '../../locales/i18n.ts';
import type { ReportContent, ReportFigure } from '../exports/pdf-document.ts';
import { visitText } from '../visits/visit-text.ts';
import { ageAt, imagesOf, visitRows } from './patient-visits.ts';
import { patientText } from './patient-text.ts';

interface Words {
  readonly t: (key: string, values?: Record<string, unknown>) => string;
  readonly format: Format;
  readonly language: Language;
  /** A verdict as lists show it. */
  readonly verdict: (trace: RecordedImage['traces'][number]) => string;
}

/** As many photographs as a report shows; the tables name all. */
const mostPhotographs = 12;

/** One patient over time on paper: photographs of the latest visits, then findings, protocols and traces by visit. */
export async function patientReport(record: PatientRecord, words: Words): Promise<ReportContent> {
  const { t, format, language } = words;
  const { patient } = record;
  const rows = visitRows(record);
  const dateOf = (row: (typeof rows)[number]) => visitText(row.visit, format) || t('patients.noVisit');
  const latest = rows.flatMap((row) => imagesOf(row).map((each) => ({ each, row }))).slice(-mostPhotographs);
  const photographs = await Promise.all(
    latest.map(async ({ each, row }): Promise<ReportFigure> => ({
      title: `${dateOf(row)} · ${t(`eyes.short.${each.image.laterality}`)} · ${each.image.fileName}`,
      picture: await jpegOf(mediaUrl(each.image, 'view')),
    })),
  );
  const eyeRows = (cells: (each: RecordedImage) => readonly string[][]) =>
    rows.flatMap((row) =>
      imagesOf(row).flatMap((each) =>
        cells(each).map((rest) => [dateOf(row), t(`eyes.short.${each.image.laterality}`), ...rest]),
      ),
    );
  const tables = [
    {
      title: t('images.findings'),
      head: [t('images.visit'), t('images.eye'), t('images.findings')],
      rows: eyeRows(({ findings }) =>
        findings.map(({ label, value }) => [[findingName(label, language), value ?? []].flat().join(': ')]),
      ),
    },
    {
      title: t('patients.protocols'),
      head: [t('images.visit'), t('images.eye'), t('patients.protocols')],
      rows: eyeRows(({ protocols }) =>
        protocols.map(({ observer, assessed }) => [
          `${observer}: ${t('patients.assessed', { n: format.integer(assessed) })}`,
        ]),
      ),
    },
    {
      title: t('images.tracesTitle'),
      head: [t('images.visit'), t('images.eye'), t('images.tracesTitle')],
      rows: eyeRows(({ traces }) =>
        traces.map((trace) => [
          [`#${trace.id}`, trace.promptText, trace.generatedText, words.verdict(trace)]
            .filter((part) => part !== '')
            .join(' · '),
        ]),
      ),
    },
  ].filter((table) => table.rows.length > 0);
  const lastDate = record.visits.findLast(({ date }) => date !== null)?.date;
  const age = ageAt(patient, lastDate);
  return {
    title: t('patients.title', { code: patient.code }),
    subtitle: [patientText(patient, t), age === null ? '' : t('patients.age', { n: age })]
      .filter(Boolean)
      .join(' · '),
    verdict: [],
    sentence: t('help.research'),
    photographs,
    facts: rows.map((row) => [
      dateOf(row),
      imagesOf(row)
        .map(({ image }) => `${t(`eyes.short.${image.laterality}`)} ${image.fileName}`)
        .join('\n'),
    ]),
    tables,
    figures: [],
    provenanceTitle: t('report.provenance'),
    provenance: record.images.map(({ image }) => `${image.fileName}: SHA-256 ${image.sha256}`),
    pageOf: (page, pages) => `${page} / ${pages}`,
  };
}

/** A photograph as small as paper needs it, on black. */
async function jpegOf(url: string): Promise<string> {
  const answer = await fetch(url);
  const bitmap = await createImageBitmap(await answer.blob());
  const scale = Math.min(1, 900 / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext('2d')!.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.toDataURL('image/jpeg', 0.88);
}
