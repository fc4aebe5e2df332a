/** Text so that nothing in it is taken for markup, between tags and inside of attributes. */
export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': 'amp',
    '<': 'lt',
    '>': 'gt',
    '"': 'quot',
    "'": '#39',
  };
  return text.replace(/[&<>"']/g, (character) => `&${names[character] ?? ''};`);
}

/** A table of plain texts, its first row a head. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: 'th' | 'td', cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${line('th', head)}${rows.map((row) => line('td', row)).join('')}</table>`;
}

/** A table of names and values. */
export function htmlFacts(facts: readonly (readonly [name: string, value: string])[]): string {
  const rows = facts.map(
    ([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<table>${rows.join('')}</table>`;
}

/** A self-contained page that loads nothing. */
export function htmlPage(language: 'en' | 'ru', title: string, body: string, style = ''): string {
  const name = escapeHtml(title);
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><title>${name}</title><style>${pageStyle}${style}</style></head>
<body><h1>${name}</h1>
${body}
</body></html>
`;
}

const pageStyle = `body{font:14px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1d21}
table{border-collapse:collapse;margin:.5rem 0 1rem}th,td{border-bottom:1px solid #d5d9de;padding:.2rem .8rem .2rem 0;
text-align:left;vertical-align:top;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}th{white-space:nowrap}
.notice{border-left:3px solid #b26a00;padding-left:.8rem}
`;
