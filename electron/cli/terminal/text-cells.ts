import displayWidth from 'string-width';

/** Text that keeps its columns on a terminal, whatever script it is written in. */

const graphemes = new Intl.Segmenter();

/** Pads a text to exactly `width` columns, or cuts it and ends it with "…". */
export function fit(text: string, width: number): string {
  const taken = displayWidth(text);
  if (taken <= width) return text + ' '.repeat(width - taken);
  let cut = '';
  for (const { segment } of graphemes.segment(text)) {
    if (displayWidth(cut + segment) > width - 1) break;
    cut += segment;
  }
  return cut + '…' + ' '.repeat(width - 1 - displayWidth(cut));
}

/** A token as one piece of a line: spaces and line ends made visible, control characters replaced. */
export function showToken(text: string): string {
  return text
    .replaceAll(' ', '␣')
    .replaceAll('\n', '↵')
    .replaceAll('\t', '⇥')
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '�');
}

/** A bar of at most `width` columns in steps of an eighth; anything above zero shows. */
export function drawBar(fraction: number, width: number): string {
  const clamped = Math.min(Math.max(fraction, 0), 1);
  const eighths = clamped === 0 ? 0 : Math.max(1, Math.round(clamped * width * 8));
  const rest = eighths % 8;
  return '█'.repeat(Math.floor(eighths / 8)) + (rest === 0 ? '' : '▏▎▍▌▋▊▉'.charAt(rest - 1));
}

/** A probability in at most five columns. */
export function showPercent(probability: number): string {
  const percent = probability * 100;
  if (percent >= 9.95) return `${Math.round(percent)}%`;
  if (percent >= 0.05) return `${percent.toFixed(1)}%`;
  return '<0.1%';
}

/** Breaks a text at spaces into lines of at most `width` columns; later lines begin with `indent`. */
export function wrap(text: string, width: number, indent = ''): string {
  const words = text.trimStart().split(' ');
  const lines: string[] = [];
  let line = text.slice(0, text.length - text.trimStart().length) + words[0]!;
  for (const word of words.slice(1)) {
    if (displayWidth(`${line} ${word}`) > width) {
      lines.push(line);
      line = indent + word;
    } else line = `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
