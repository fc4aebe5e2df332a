import { styleText } from 'node:util';

/** Gives a text a colour or weight, where colours are wanted. */
export type Paint = (style: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string) => string;

/** Colours for a terminal; none for a file or pipe, and none when NO_COLOR asks so. */
export function paintFor(stream: NodeJS.WriteStream): Paint {
  const noColor = process.env['NO_COLOR'];
  const wanted = stream.isTTY && (noColor === undefined || noColor === '');
  return (style, text) => (wanted ? styleText(style, text, { validateStream: false }) : text);
}
