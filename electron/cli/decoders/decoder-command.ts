import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DecoderSummary } from '../../contract/protocols/decoders.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { ImageFilter } from '../../contract/image-query.ts';
import { deserializeError } from '../../contract/problem.ts';
import type { ProtocolLanguage } from '../../protocol/schema-format.ts';
import { findModel } from '../../workbench/traces/bundled-defaults.ts';
import { withLibrary, type LibraryOptions, type LibraryTools } from '../commands/library-context.ts';
import { toFilter, type ListCommandOptions } from '../commands/list-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';
import { noSuch } from '../commands/find-group.ts';
import { findDecoder, follow, showEstimate } from './decoder-tools.ts';

type ImageOptions = Omit<ListCommandOptions, 'limit' | 'json'>;

export interface TapCommandOptions extends ImageOptions {
  readonly model?: string | undefined;
  readonly prompt?: string | undefined;
  readonly maxPixels?: number | undefined;
}

export interface FitCommandOptions extends TapCommandOptions {
  readonly name: string;
  readonly fields?: string[] | undefined;
  readonly observer?: string | undefined;
  readonly findings: boolean;
  readonly minPatients: number;
  readonly seed: number;
  readonly note: string;
}

export interface EvaluateCommandOptions extends LibraryOptions {
  readonly field?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface ApplyCommandOptions extends ImageOptions {
  readonly image?: number | undefined;
  readonly layer?: number | undefined;
  readonly language: ProtocolLanguage;
  readonly out?: string | undefined;
  readonly format: 'csv' | 'json';
  readonly overwrite?: boolean | undefined;
}

export interface DecoderExportOptions extends LibraryOptions {
  readonly out: string;
  readonly overwrite?: boolean | undefined;
}

/** Reads the features of images. @returns the exit code: 0 when all went well, else that of the first problem */
export function runTap(options: TapCommandOptions): Promise<number> {
  return withLibrary(options, { runQueue: true }, async (tools) => {
    const outcome = await tools.client.decoders.tap(await toOrder(tools, options));
    const { exitCode, done } = await follow(tools, outcome.tasks);
    await print(
      `features of ${done + outcome.ready} of ${outcome.tasks.length + outcome.ready} images; ${outcome.ready} of them before\n`,
    );
    return exitCode;
  });
}

/** Fits a decoder, and prints how well it reads. @returns the exit code */
export function runFit(options: FitCommandOptions): Promise<number> {
  return withLibrary(options, { runQueue: true }, async (tools) => {
    const { client } = tools;
    const { name, fields, observer, findings, minPatients, seed, note } = options;
    const { taskId, taps } = await client.decoders.fit({
      ...(await toOrder(tools, options)),
      ...(fields === undefined ? {} : { fields }),
      ...(observer === undefined ? {} : { observer }),
      ...{ name, findings, minPatients, seed, note },
    });
    const { exitCode } = await follow(tools, [...taps, taskId]);
    const { state } = await client.tasks.get({ id: taskId });
    if (state !== 'done') return exitCode;
    const decoder = (await client.decoders.list()).find(
      (each) => each.source === 'fitted' && each.name === name,
    )!;
    await print(drawScores(decoder));
    return exitCodes.done;
  });
}

/** Prints the scores of a decoder: by field, or by layer for one field. @returns the exit code */
export function runEvaluate(
  which: string,
  { field, json, ...options }: EvaluateCommandOptions,
): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const decoder = await findDecoder(client, which);
    const report = await client.decoders.report({ id: decoder.id });
    if (json === true) {
      await print(`${JSON.stringify({ decoder, report }, null, 2)}\n`);
      return exitCodes.done;
    }
    if (field === undefined) {
      await print(drawScores(decoder));
      return exitCodes.done;
    }
    const own = report.fields.find((each) => each.field === field);
    if (own === undefined)
      throw noSuch(
        'field',
        field,
        report.fields.map((each) => each.field),
      );
    if (own.status === 'refused') throw deserializeError(own.problem);
    const rows = own.curves.flatMap(({ set, points }) =>
      points.map(({ layer, score, shuffled }) => [
        set,
        String(layer),
        showEstimate(score),
        showEstimate(shuffled),
      ]),
    );
    const { chosen, measure, prevalence } = own;
    const head = `${field}: ${measure} ${showEstimate(chosen.score)} on patients left out, read from ${chosen.set}, layer ${chosen.layer}; commonest value ${prevalence?.toFixed(2) ?? '–'}\n`;
    await print(`${head}${drawTable(['features', 'layer', measure, 'shuffled'], rows)}`);
    return exitCodes.done;
  });
}

/** Prints the protocol that a decoder reads from an image, or writes a table of many. @returns the exit code */
export function runApply(which: string, options: ApplyCommandOptions): Promise<number> {
  return withLibrary(options, { runQueue: options.out !== undefined }, async (tools) => {
    const { client } = tools;
    const decoder = await findDecoder(client, which);
    const { image, layer = null, language, out, format, overwrite = false } = options;
    if (image !== undefined) {
      const decoded = await client.decoders.apply({ decoderId: decoder.id, imageId: image });
      const own = layer === null ? decoded.chosen : decoded.layers.find((each) => each.layer === layer);
      if (own === undefined) throw noSuch('layer', String(layer), decoder.layers.map(String));
      const rows = own.fields.map(({ field, status, value, certainty, possible }) => [
        field,
        String(value ?? (status === 'abstained' ? possible.join(' or ') : '')),
        certainty?.toFixed(2) ?? '',
        status,
      ]);
      await print(`${drawTable(['field', 'value', 'certainty', 'status'], rows, 44)}${own.text[language]}\n`);
      return exitCodes.done;
    }
    if (out === undefined) {
      throw new FundusLensError('input.invalid', 'It is not said what to decode.', {
        expected: '--image with a number, or -o with a file for a table of many images',
        found: 'neither',
      });
    }
    const images = { filter: await toFilter(tools, [], options) };
    const { modelId, prompt, maxPixels } = decoder;
    let exitCode: number = exitCodes.done;
    if (modelId !== null) {
      const { tasks } = await client.decoders.tap({ modelId, prompt, maxPixels, images });
      ({ exitCode } = await follow(tools, tasks));
    }
    const target = { to: 'file', path: path.resolve(out), overwrite } as const;
    const { path: file, bytes } = await client.decoders.exportTable({
      decoderId: decoder.id,
      images,
      layer,
      format,
      target,
    });
    await print(`${file ?? ''}: ${bytes} bytes\n`);
    return exitCode;
  });
}

/** Lists decoders. @returns the exit code */
export function runDecoders({
  json,
  ...options
}: LibraryOptions & { readonly json?: boolean }): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const all = await client.decoders.list();
    const rows = all.map(({ id, name, source, modelName, modelId, images, fields }) => [
      String(id),
      name,
      source,
      modelId === null ? `${modelName} (not here)` : modelName,
      String(images),
      String(fields.length),
    ]);
    const head = ['decoder', 'name', 'from', 'model', 'images', 'fields'];
    await print(
      json === true
        ? `${JSON.stringify(all, null, 2)}\n`
        : rows.length === 0
          ? 'No decoders.\n'
          : drawTable(head, rows, 44),
    );
    return exitCodes.done;
  });
}

/** Writes a decoder to a file of its own. @returns the exit code */
export function runDecoderExport(
  which: string,
  { out, overwrite = false, ...options }: DecoderExportOptions,
): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const { id } = await findDecoder(client, which);
    const target = { to: 'file', path: path.resolve(out), overwrite } as const;
    const { path: file, bytes } = await client.decoders.export({ id, target });
    await print(`${file ?? ''}: ${bytes} bytes\n`);
    return exitCodes.done;
  });
}

/** Takes a decoder's file in. @returns the exit code */
export function runDecoderImport(
  file: string,
  { name, ...options }: LibraryOptions & { readonly name?: string },
): Promise<number> {
  return withLibrary(options, { create: true }, async ({ client }) => {
    const bytes = await readFile(file).catch((cause: unknown) => {
      throw new FundusLensError('decoder.file-damaged', `Cannot read ${file}.`, {
        expected: 'a file that exists and may be read',
        found: cause instanceof Error ? cause.message : String(cause),
        advice: 'Choose another file.',
        cause,
      });
    });
    const content = new File([bytes], path.basename(file));
    const decoder = await client.decoders.import(
      name === undefined ? { file: content } : { file: content, name },
    );
    await print(drawScores(decoder));
    return exitCodes.done;
  });
}

/** Gives a decoder another name. @returns the exit code */
export function runDecoderRename(which: string, name: string, options: LibraryOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const { id } = await findDecoder(client, which);
    await client.decoders.rename({ id, name });
    return exitCodes.done;
  });
}

/** Takes a decoder out of the library; those that come with the software stay. @returns the exit code */
export function runDecoderRemove(which: string, options: LibraryOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const { id, name } = await findDecoder(client, which);
    await client.decoders.remove({ id });
    await print(`${name} is removed.\n`);
    return exitCodes.done;
  });
}

async function toOrder(tools: LibraryTools, { model, prompt, maxPixels, ...options }: TapCommandOptions) {
  const images: { filter: ImageFilter } = { filter: await toFilter(tools, [], options) };
  const { id: modelId } = await tools.client.models.addFolder({ folder: findModel(model) });
  return { modelId, images, maxPixels: maxPixels ?? null, ...(prompt === undefined ? {} : { prompt }) };
}

function drawScores({ name, modelName, images, patients, fields, refused, note }: DecoderSummary): string {
  const rows = fields.map(({ field, measure, score, shuffled, set, layer }) => [
    field,
    measure,
    showEstimate(score),
    showEstimate(shuffled),
    `${set} ${layer}`,
  ]);
  const lines = refused.map(
    ({ field, problem }) => `${field}: not learnt, ${problem.found ?? problem.summary}`,
  );
  const table = drawTable(
    ['field', 'measure', 'on patients left out', 'labels shuffled', 'read from'],
    rows,
    44,
  );
  const about = `${name}: ${modelName}, ${images} images of ${patients} patients\n`;
  return `${about}${table}${[...lines, ...(note.en === '' ? [] : [note.en])].map((line) => `${line}\n`).join('')}`;
}
