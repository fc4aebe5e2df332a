import path from 'node:path';
import type { LensSummary } from '../../contract/traces/lenses.ts';
import { defaultPreset, presetText, type Language } from '../../bundled/prompt-presets.ts';
import { findModel } from '../../workbench/traces/bundled-defaults.ts';
import { withLibrary, type LibraryOptions } from '../commands/library-context.ts';
import { toFilter, type ListCommandOptions } from '../commands/list-command.ts';
import { follow } from '../decoders/decoder-tools.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';
import { findLens, importLens } from '../commands/find-lens.ts';

export interface FitLensOptions extends Omit<ListCommandOptions, 'limit' | 'json'> {
  readonly name: string;
  readonly model?: string | undefined;
  readonly prompt?: string | undefined;
  readonly preset?: string | undefined;
  readonly language: Language;
  readonly maxPixels?: number | undefined;
  /** Per cent of the patients. */
  readonly heldOut: number;
  readonly seed: number;
}

export interface LensListOptions extends LibraryOptions {
  readonly json?: boolean | undefined;
}

export interface LensExportOptions extends LibraryOptions {
  readonly out: string;
  readonly overwrite?: boolean | undefined;
}

export interface LensImportOptions extends LibraryOptions {
  readonly name?: string | undefined;
  /** What the lens was fitted to, for a file that does not say so. */
  readonly model?: string | undefined;
}

/** Fits a lens, and prints how far it reads from the end. @returns the exit code */
export function runFitLens(options: FitLensOptions): Promise<number> {
  return withLibrary(options, { runQueue: true }, async (tools) => {
    const { client } = tools;
    const { name, model, prompt, preset, language, maxPixels, heldOut, seed } = options;
    const { id: modelId } = await client.models.addFolder({ folder: findModel(model) });
    const { taskId } = await client.lenses.fit({
      ...{ name, modelId, seed, maxPixels: maxPixels ?? null, heldOut: heldOut / 100 },
      images: { filter: await toFilter(tools, [], options) },
      prompt: prompt ?? presetText(preset ?? defaultPreset, language),
    });
    const { exitCode } = await follow(tools, [taskId]);
    const { state } = await client.tasks.get({ id: taskId });
    if (state !== 'done') return exitCode;
    await print(drawLens(await findLens(client, name)));
    return exitCodes.done;
  });
}

/** Lists lenses. @returns the exit code */
export function runLenses({ json, ...options }: LensListOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const all = await client.lenses.list();
    const rows = all.map(({ id, kind, name, source, model, modelId, images, patients }) => [
      ...[String(id), kind, name, source, modelId === null ? `${model.id} (not here)` : model.id],
      ...[String(images.fitted.length), patients === null ? '' : String(patients.heldOut)],
    ]);
    const head = ['lens', 'kind', 'name', 'from', 'model', 'images', 'patients held out'];
    await print(
      json === true
        ? `${JSON.stringify(all, null, 2)}\n`
        : rows.length === 0
          ? 'No fitted lenses.\n'
          : drawTable(head, rows, 44),
    );
    return exitCodes.done;
  });
}

/** Prints what a lens was fitted on, and by layer how far it reads from the end. @returns the exit code */
export function runShowLens(which: string, { json, ...options }: LensListOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const lens = await findLens(client, which);
    await print(json === true ? `${JSON.stringify(lens, null, 2)}\n` : drawLens(lens));
    return exitCodes.done;
  });
}

/** Writes a lens to a file of its own. @returns the exit code */
export function runLensExport(
  which: string,
  { out, overwrite = false, ...options }: LensExportOptions,
): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const { id } = await findLens(client, which);
    const target = { to: 'file', path: path.resolve(out), overwrite } as const;
    const { path: file, bytes } = await client.lenses.export({ id, target });
    await print(`${file ?? ''}: ${bytes} bytes\n`);
    return exitCodes.done;
  });
}

/** Takes a lens's file in. @returns the exit code */
export function runLensImport(file: string, { name, model, ...options }: LensImportOptions): Promise<number> {
  return withLibrary(options, { create: true }, async ({ client }) => {
    const known = model === undefined ? null : await client.models.addFolder({ folder: findModel(model) });
    await print(drawLens(await importLens(client, file, { name, modelId: known?.id })));
    return exitCodes.done;
  });
}

/** Gives a lens another name. @returns the exit code */
export function runLensRename(which: string, name: string, options: LibraryOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const { id } = await findLens(client, which);
    await client.lenses.rename({ id, name });
    return exitCodes.done;
  });
}

/** Takes a lens out of the library; traces that were read through it stay. @returns the exit code */
export function runLensRemove(which: string, options: LibraryOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const { id, name } = await findLens(client, which);
    await client.lenses.remove({ id });
    await print(`${name} is removed.\n`);
    return exitCodes.done;
  });
}

function drawLens(lens: LensSummary): string {
  const { name, kind, model, prompt, images, patients, rows, error, sha256 } = lens;
  const people =
    patients === null ? ['', ''] : [patients.fitted, patients.heldOut].map((n) => ` of ${n} patients`);
  const fitted =
    kind === 'jacobian' ? `${lens.numPrompts} prompts` : `${images.fitted.length} images${people[0]!}`;
  const lines = [
    `${name}: ${kindNames[kind]} for ${model.id} (sha256 ${model.sha256.slice(0, 12)}…)`,
    prompt === null ? 'fitted on texts that its file does not name' : `prompt "${prompt}"`,
    `fitted on ${fitted}${rows === null ? '' : `, ${rows} positions`}${error === null ? '' : `; measured on ${images.heldOut.length} others${people[1]!}`}`,
    `file sha256 ${sha256}`,
  ];
  if (kind === 'jacobian') {
    if (lens.layers.length < model.numLayers)
      lines.push(`matrices for layers ${lens.layers.join(', ')}; the others are read by the logit lens`);
    if (lens.origin !== null) lines.push(`made of a .pt file, sha256 ${lens.origin.sha256}`);
  }
  if (error === null) return [...lines, 'How close it reads was not measured.', ''].join('\n');
  const { positions, answer } = error;
  const table = positions.logit.map((_, layer) => [
    String(layer),
    ...[positions.logit, positions.lens, answer.logit, answer.lens].map((curve) => curve[layer]!.toFixed(3)),
  ]);
  const head = ['layer', 'all: logit lens', 'all: this lens', 'answer: logit lens', 'answer: this lens'];
  return [
    ...lines,
    'KL to the final distribution on the others, nats, over all positions and where the answer begins:',
    drawTable(head, table),
  ].join('\n');
}

const kindNames = { shortcut: 'linear shortcut', jacobian: 'Jacobian lens' } as const;
