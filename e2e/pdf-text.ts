import { inflateSync } from 'node:zlib';

/** The words of a PDF as pdfkit writes it: each piece of text decoded with the table of the font it is set in. */
export function readPdfText(pdf: Buffer): string {
  const source = pdf.toString('latin1');
  const objects = new Map<string, string>();
  for (const { 1: id, 2: body } of source.matchAll(/(\d+) 0 obj\s([\s\S]*?)\sendobj/g))
    objects.set(id!, body!);
  const streamOf = (body: string) => {
    const begin = /stream\r?\n/.exec(body);
    if (begin === null) return '';
    const bytes = Buffer.from(
      body.slice(begin.index + begin[0].length, body.lastIndexOf('endstream')),
      'latin1',
    );
    try {
      return body.includes('/FlateDecode') ? inflateSync(bytes).toString('latin1') : bytes.toString('latin1');
    } catch {
      return '';
    }
  };
  const tables = new Map<string, Map<number, string>>();
  for (const [id, body] of objects) {
    const table = /\/ToUnicode (\d+) 0 R/.exec(body)?.[1];
    if (table !== undefined) tables.set(id, readTable(streamOf(objects.get(table) ?? '')));
  }
  const fonts = new Map<string, Map<number, string>>();
  for (const { 1: name, 2: id } of source.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
    const table = tables.get(id!);
    if (table !== undefined) fonts.set(name!, table);
  }
  return [...objects.values()].map((body) => readPage(streamOf(body), fonts)).join('\n');
}

/** Glyph to text, from `beginbfrange` with lists or first values, and `beginbfchar`. */
function readTable(cmap: string): Map<number, string> {
  const table = new Map<number, string>();
  const textOf = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex').swap16().toString('utf16le');
  for (const { 1: from, 2: list } of cmap.matchAll(/<([0-9a-f]+)>\s*<[0-9a-f]+>\s*\[([^\]]*)\]/gi)) {
    // A ligature stands for several letters: <0066 0069>.
    [...list!.matchAll(/<([0-9a-f ]*)>/gi)].forEach(({ 1: hex }, index) =>
      table.set(Number.parseInt(from!, 16) + index, textOf(hex!)),
    );
  }
  return table;
}

function readPage(content: string, fonts: ReadonlyMap<string, ReadonlyMap<number, string>>): string {
  let table: ReadonlyMap<number, string> | undefined;
  let text = '';
  for (const { 1: font, 2: pieces } of content.matchAll(/\/(F\d+) [\d.]+ Tf|\[([^\]]*)\] TJ/g)) {
    if (font !== undefined) table = fonts.get(font);
    for (const { 1: hex } of (pieces ?? '').matchAll(/<([0-9a-f]+)>/gi)) {
      for (const glyph of hex!.match(/.{4}/g) ?? []) text += table?.get(Number.parseInt(glyph, 16)) ?? '';
    }
    if (pieces !== undefined) text += ' ';
  }
  return text;
}
