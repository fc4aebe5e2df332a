import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import {
  drawingFileSchema,
  drawingFormat,
  toDrawings,
  type Drawing,
} from '../../protocol/geometry/drawing.ts';
import { drawnSizes, type DrawnSizes } from '../../protocol/geometry/sizes.ts';
import { withLibrary, type LibraryOptions } from '../commands/library-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';

export interface DrawingOptions extends LibraryOptions {
  readonly observer?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface DrawingSaveOptions extends LibraryOptions {
  readonly observer?: string | undefined;
  readonly protocol: boolean;
  readonly replaceManual?: boolean | undefined;
}

/** Prints what was drawn on an image, and what it measures. @returns the exit code */
export function runDrawingShow(
  imageId: number,
  { observer, json, ...options }: DrawingOptions,
): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    await client.images.get({ id: imageId });
    const drawings = (await client.drawings.list({ imageId })).filter(
      ({ version }) => observer === undefined || version.observer === observer,
    );
    if (json === true) {
      await print(
        `${JSON.stringify(
          drawings.map(({ drawing }) => drawing),
          null,
          2,
        )}\n`,
      );
      return exitCodes.done;
    }
    for (const { version, drawing } of drawings) {
      await print(
        `${version.observer === '' ? '–' : version.observer}, version ${version.version}, ${version.shapes} shapes\n`,
      );
      await print(drawTable(['measured', 'value'], rowsOf(drawnSizes(toDrawings(drawing.shapes, null))), 44));
    }
    if (drawings.length === 0) await print('No drawings.\n');
    return exitCodes.done;
  });
}

/** Keeps a drawing that a file holds, as a new version. @returns the exit code */
export function runDrawingSave(
  imageId: number,
  file: string,
  { observer, protocol, replaceManual = false, ...options }: DrawingSaveOptions,
): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const drawing = await readDrawing(file);
    const { image } = await client.images.get({ id: imageId });
    if (drawing.image !== image.sha256) {
      throw new FundusLensError('input.invalid', 'The drawing belongs to another photograph.', {
        expected: `SHA-256 ${image.sha256}`,
        found: drawing.image,
        advice: '`fundus-lens list` shows the numbers of images; choose the one that was drawn on.',
      });
    }
    const { stored } = await client.drawings.save({
      imageId,
      observer: observer ?? drawing.observer,
      shapes: drawing.shapes,
      intoProtocol: protocol,
      replaceManual,
    });
    await print(`image ${imageId}, version ${stored.version.version}, ${stored.version.shapes} shapes\n`);
    return exitCodes.done;
  });
}

/** One drawing; a list, as `show --json` prints it, may hold one. */
async function readDrawing(file: string): Promise<Drawing> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FundusLensError('input.invalid', 'The file cannot be read.', { found: file, cause });
  });
  const parsed = z
    .union([drawingFileSchema, z.tuple([drawingFileSchema]).transform(([only]) => only)])
    .safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new FundusLensError('input.invalid', 'The file is not a drawing.', {
    expected: `one drawing of the form "${drawingFormat}"`,
    found: file,
    advice: '`fundus-lens drawings show IMAGE --observer NAME --json` prints one.',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function rowsOf({ disc, cup, discDiameter, cupDisc, rim, discToFovea }: DrawnSizes): string[][] {
  const px = (value: number, unit = 'px') => `${value.toFixed(0)} ${unit}`;
  const ratio = (value: number) => value.toFixed(2);
  return [
    ...(disc === null
      ? []
      : [
          ['disc circumference', px(disc.circumference)],
          ['disc area', px(disc.area, 'px²')],
          ['disc diameter (DD)', px(discDiameter!)],
        ]),
    ...(cup === null ? [] : [['cup area', px(cup.area, 'px²')]]),
    ...(cupDisc === null
      ? []
      : [
          ['cup/disc, vertical', ratio(cupDisc.vertical)],
          ['cup/disc, horizontal', ratio(cupDisc.horizontal)],
          ['cup/disc, by area', ratio(cupDisc.area)],
        ]),
    ...(rim === null ? [] : [['rim area', px(rim.area, 'px²')]]),
    ...(discToFovea === null
      ? []
      : [['disc centre to fovea', `${px(discToFovea.px)}, ${ratio(discToFovea.discDiameters)} DD`]]),
  ];
}
