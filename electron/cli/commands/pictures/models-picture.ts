import path from 'node:path';
import type { FidelityReport } from '../../../engine/lens-trace/fidelity-report.ts';
import type { CachedModel, Model, ModelOffer, Room } from '../../../contract/models/models.ts';
import type { Task } from '../../../contract/app/tasks.ts';
import { drawTaskTable } from './tasks-picture.ts';
import { drawTable } from '../../terminal/text-table.ts';

/** A model before it is added: what it is, what it needs, and what there is. */
export function drawOffer(offer: ModelOffer, inPlace: boolean): string {
  const { name, family, numLayers, dModel, parameters, neededBytes, estimates, room, files } = offer;
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  const rows = estimates.map(({ format, diskBytes, memoryBytes, deviceBytes }) => [
    format,
    showBytes(diskBytes),
    showBytes(memoryBytes),
    memoryBytes <= room.memoryFreeBytes
      ? 'fits'
      : memoryBytes <= room.memoryTotalBytes
        ? 'fits when other programs are closed'
        : 'larger than the memory of this computer',
    deviceBytes === undefined ? '' : showBytes(deviceBytes),
  ]);
  const disk = room.diskBytes === null ? 'unknown' : showBytes(room.diskBytes);
  return [
    `${name}: ${family}, ${numLayers} layers, ${dModel} wide, ${(parameters / 1e9).toFixed(2)} billion parameters`,
    `${files.length} files, ${showBytes(total)}; ${inPlace ? 'used where they lie' : `${showBytes(neededBytes)} to fetch, ${disk} free`}`,
    `Memory: ${showBytes(room.memoryFreeBytes)} free of ${showBytes(room.memoryTotalBytes)}`,
    drawTable(['format', 'on disk', 'memory', '', 'on a GPU'], rows),
  ].join('\n');
}

/** @param bundled folder of the model that comes with the software, where it is there and not in the library */
export function drawModels(
  models: readonly Model[],
  tasks: readonly Task[],
  cached: readonly CachedModel[],
  room: Room,
  bundled: string | null,
): string {
  const rows = models.map((model) => [
    String(model.id),
    model.name,
    model.weightFormat ?? '',
    model.diskBytes === null ? '' : showBytes(model.diskBytes),
    model.memoryBytes === null ? '' : showBytes(model.memoryBytes),
    model.available ? describeTruth(model) : 'not on this computer',
    model.sha256.slice(0, 12),
  ]);
  const open = tasks.filter(({ state }) => state !== 'done');
  const inCache = cached.map(({ repository, commit, refs, bytes, complete, missing, modelType }) => [
    repository,
    refs.join(' ') || commit.slice(0, 12),
    modelType ?? '',
    showBytes(bytes),
    complete ? 'complete' : `lacks ${missing ?? 'files'}`,
  ]);
  const part = (title: string, head: readonly string[], body: readonly string[][]) =>
    body.length === 0 ? [] : [title, drawTable(head, body, 44)];
  const parts = [
    ...part('Models', ['no.', 'name', 'format', 'on disk', 'memory', 'checked', 'sha256'], rows),
    ...(open.length === 0 ? [] : ['On their way', drawTaskTable(open)]),
    ...part('In the cache of huggingface_hub', ['name', 'revision', 'family', 'size', 'state'], inCache),
  ];
  const disk = room.diskBytes === null ? '' : `; ${showBytes(room.diskBytes)} free on the disk`;
  const memory = `Memory: ${showBytes(room.memoryFreeBytes)} free of ${showBytes(room.memoryTotalBytes)}${disk}\n`;
  // It belongs to no library: commands that are given no model take it where it lies.
  const ours =
    bundled === null
      ? ''
      : `Comes with the software, used where no --model is given: ${path.basename(bundled)} (${bundled})\n`;
  const none = bundled === null ? 'No models.\n' : 'No models in this library.\n';
  return `${parts.length === 0 ? none : parts.join('\n')}\n${ours}${memory}`;
}

function describeTruth({ gate, prepared, fidelity }: Model): string {
  const parity =
    gate === null ? 'parity not checked' : gate.maxAbsDiff <= gate.tolerance ? 'parity ok' : 'parity FAILED';
  if (prepared === null) return parity;
  return fidelity === null
    ? `${parity}, not verified`
    : `${parity}, ${showShare(fidelity.summary.top1Agreement)} top-1, ${showShare(fidelity.summary.worstLayerTop1Agreement)} at the worst layer`;
}

/** How true prepared weights are, layer by layer. */
export function drawFidelity({ layers, summary, cases, positions }: FidelityReport): string {
  const rows = layers.map((layer) => [
    String(layer.layer),
    showShare(layer.top1Agreement),
    showShare(layer.top1AgreementClear),
    layer.meanKl.toExponential(1),
    layer.maxKl.toExponential(1),
    layer.conceptRankCorrelation === null ? '' : layer.conceptRankCorrelation.toFixed(4),
  ]);
  const { emergenceChanged, emergenceCompared, worstLayerTop1Agreement, top1AgreementClear } = summary;
  return [
    drawTable(
      ['layer', 'same top token', 'where clear', 'mean KL, nats', 'largest KL', 'concept ranks'],
      rows,
    ),
    `Same top token: ${showShare(summary.top1Agreement)} in all, ${showShare(worstLayerTop1Agreement)} at the worst layer`,
    `Where the original’s first token leads by 0.1 nats or more (elsewhere any rounding may swap two): ${showShare(top1AgreementClear)}`,
    'Whether concepts are readable was not asked: no controls are read here',
    `Layer from which a concept’s first tokens are among the ten likeliest: changed for ${emergenceChanged} of ${emergenceCompared}`,
    `${cases.length} cases, ${positions} positions\n`,
  ].join('\n');
}

function showShare(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

export function showBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${Math.ceil(bytes / 1e3)} kB`;
}
