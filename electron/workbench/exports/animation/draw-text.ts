import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';

/** A line of text as pixels. */
export interface TextPicture {
  /** RGBA. */
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

export type DrawText = (
  line: string,
  size: number,
  color: string,
  maxWidth: number,
) => Promise<TextPicture | null>;

/**
 * Draws a line with the typeface of the reports, the same on every computer; signs that it lacks come from the system's.
 * What is too wide is cut; an empty line is null.
 *
 * @param cacheFolder where the typeface lies as a file; what draws text remembers its place as long as the process lives
 */
export async function openText(cacheFolder: string): Promise<DrawText> {
  const fontfile = path.join(cacheFolder, 'fonts', 'Roboto-Regular.ttf');
  if (!existsSync(fontfile)) await writeFont(fontfile);
  return async (line, size, color, maxWidth) => {
    const text = line.replace(/[\p{Cc}\p{Cs}]/gu, ' ').trim();
    if (text === '') return null;
    const { data, info } = await sharp({
      text: {
        text: `<span foreground="${color}">${escapeMarkup(text)}</span>`,
        font: `Roboto ${size}`,
        fontfile,
        rgba: true,
        dpi: 72,
      },
    })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    if (width <= maxWidth) return { data, width, height };
    const cut = await sharp(data, { raw: { width, height, channels: 4 } })
      .extract({ left: 0, top: 0, width: maxWidth, height })
      .raw()
      .toBuffer();
    return { data: cut, width: maxWidth, height };
  };
}

async function writeFont(fontfile: string): Promise<void> {
  const { default: fonts } = await import('pdfmake/build/fonts/Roboto.js');
  const temporary = `${fontfile}.${process.pid}.part`;
  await mkdir(path.dirname(fontfile), { recursive: true });
  await writeFile(temporary, Buffer.from(fonts.vfs['Roboto-Regular.ttf']!.data, 'base64'));
  await rename(temporary, fontfile);
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
