import type { ReportSection, ReportTable } from './report-section.ts';
import type { ReportWords } from './report-words.ts';

/** A self-contained HTML page; everything that was typed is escaped. */
export function reportPage(
  sections: readonly ReportSection[],
  language: 'en' | 'ru',
  words: ReportWords,
): string {
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><title>${words.title}</title><style>${style}</style></head>
<body><h1>${words.title}</h1><p class="notice">${words.notice}</p>
${sections.map(drawSection).join('\n')}
</body></html>
`;
}

function drawSection({ title, facts, verdict, warnings, tables, picture }: ReportSection): string {
  const rows = facts.map(([name, value]) => `<tr><th>${name}</th><td>${escapeHtml(value)}</td></tr>`);
  const source = picture === null ? '' : `data:image/jpeg;base64,${picture.toString('base64')}`;
  return `<section><h2>${title}</h2>
${verdict.map((line) => `<p>${escapeHtml(line)}</p>`).join('')}
${picture === null ? '' : `<img src="${source}" alt="">`}
${warnings.map((text) => `<p class="notice">${escapeHtml(text)}</p>`).join('')}
${tables.map(drawTable).join('')}
<table>${rows.join('')}</table></section>`;
}

function drawTable({ title, note, head, rows }: ReportTable): string {
  const line = (tag: 'th' | 'td', cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  const body =
    head.length === 0
      ? ''
      : `<table>${line('th', head)}${rows.map((row) => line('td', row)).join('')}</table>`;
  return `<h3>${title}</h3>${note === null ? '' : `<p>${escapeHtml(note)}</p>`}${body}`;
}

function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': 'amp',
    '<': 'lt',
    '>': 'gt',
    '"': 'quot',
    "'": '#39',
  };
  return text.replace(/[&<>"']/g, (character) => `&${names[character] ?? ''};`);
}

const style = `body{font:14px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1d21}
table{border-collapse:collapse;margin:.5rem 0 1rem}th,td{border-bottom:1px solid #d5d9de;padding:.2rem .8rem .2rem 0;
text-align:left;vertical-align:top;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
img{display:block;max-width:24rem;margin:1rem 0}
.notice{border-left:3px solid #b26a00;padding-left:.8rem}section{break-before:page}`;
