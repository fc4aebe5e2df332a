/** An element as the charts' SVG painter makes it. */
export interface SvgNode {
  readonly tag: string;
  readonly attrs: Readonly<Record<string, string | number | boolean | null | undefined>>;
  readonly children?: readonly SvgNode[] | undefined;
  readonly text?: string | undefined;
}

/**
 * Writes an element and all in it as XML. The painter's own writer leaves attributes as they are, and a font's name in
 * quotation marks ends the attribute that it stands in.
 */
export function svgText({ tag, attrs, children = [], text = '' }: SvgNode): string {
  const written = Object.entries(attrs)
    .filter(([, value]) => value !== false && value !== null && value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeXml(value === true ? '' : String(value))}"`);
  return `<${tag}${written.join('')}>${escapeXml(text)}${children.map(svgText).join('')}</${tag}>`;
}

/** XML 1.0 knows no control characters but three, not even escaped ones, and no halves of surrogate pairs. */
const notInXml = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

function escapeXml(text: string): string {
  return text.replace(notInXml, '\uFFFD').replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
