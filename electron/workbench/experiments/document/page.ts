import { escapeHtml, htmlFacts, htmlPage, htmlTable } from '../../exports/reports/html.ts';
import type { DocumentSection, ExperimentDocument } from './document.ts';

/** The experiment as one page that loads nothing. */
export function experimentPage(document: ExperimentDocument): string {
  const { title, question, notice, language, verdictTitle, verdict, sections, facts, factsTitle } = document;
  const body = `<p class="notice">${escapeHtml(notice)}</p>
${question === '' ? '' : `<p><em>${escapeHtml(question)}</em></p>`}
<h2>${escapeHtml(verdictTitle)}</h2>
${verdict.map((line, index) => (index === 0 ? `<p><strong>${escapeHtml(line)}</strong></p>` : `<p>${escapeHtml(line)}</p>`)).join('\n')}
${sections.map(drawSection).join('\n')}
<h2>${escapeHtml(factsTitle)}</h2>${htmlFacts(facts)}`;
  return htmlPage(language, title, body, style);
}

function drawSection({ title, paragraphs, figures, tables }: DocumentSection): string {
  return `<section><h2>${escapeHtml(title)}</h2>
${paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`).join('\n')}
${figures.map((svg) => `<figure>${svg}</figure>`).join('\n')}
${tables
  .map(
    (table) =>
      `${table.title === '' ? '' : `<h3>${escapeHtml(table.title)}</h3>`}${table.note === null ? '' : `<p>${escapeHtml(table.note)}</p>`}<div class="wide">${htmlTable(table.head, table.rows)}</div>`,
  )
  .join('\n')}</section>`;
}

const style = `figure{margin:1rem 0}svg{max-width:100%;height:auto}.wide{overflow-x:auto}
@media (prefers-color-scheme:dark){body{background:#12181d;color:#e6ebef}th,td{border-color:#34414b}}`;
