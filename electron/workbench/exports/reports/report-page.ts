import { escapeHtml, htmlFacts, htmlPage, htmlTable } from './html.ts';
import type { ReportSection, ReportTable } from './report-section.ts';
import type { ReportWords } from './report-words.ts';

/** A self-contained HTML page; everything that was typed is escaped. */
export function reportPage(
  sections: readonly ReportSection[],
  language: 'en' | 'ru',
  words: ReportWords,
): string {
  const body = `<p class="notice">${words.notice}</p>\n${sections.map(drawSection).join('\n')}`;
  return htmlPage(language, words.title, body, style);
}

function drawSection({ title, facts, verdict, warnings, tables, picture }: ReportSection): string {
  const source = picture === null ? '' : `data:image/jpeg;base64,${picture.toString('base64')}`;
  return `<section><h2>${title}</h2>
${verdict.map((line) => `<p>${escapeHtml(line)}</p>`).join('')}
${picture === null ? '' : `<img src="${source}" alt="">`}
${warnings.map((text) => `<p class="notice">${escapeHtml(text)}</p>`).join('')}
${tables.map(drawTable).join('')}
${htmlFacts(facts)}</section>`;
}

function drawTable({ title, note, head, rows }: ReportTable): string {
  const body = head.length === 0 ? '' : htmlTable(head, rows);
  return `<h3>${title}</h3>${note === null ? '' : `<p>${escapeHtml(note)}</p>`}${body}`;
}

const style = `img{display:block;max-width:24rem;margin:1rem 0}section{break-before:page}`;
