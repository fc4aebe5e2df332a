import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import { serializeError } from '../../contract/problem.ts';
import type { ExportResult, hiddenStateExportSchema } from '../../contract/exports.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { sha256Hex } from '../../store/database/canonical-json.ts';
import type { Services } from '../services.ts';
import { repeatTrace } from '../traces/repeat-trace.ts';
import { deliver } from './deliver.ts';
import { readResidualRows } from './read-dump.ts';
import { toNpy, toSafetensors } from './tensor-files.ts';
import { toZip } from './zip.ts';
import type { ZipEntry } from './zip.ts';
import { traceWithFidelity } from '../traces/trace-fidelity.ts';

/**
 * Runs traces again and exports rows of their residual streams, before the final norm, each with a manifest that says what
 * they are. Layers and positions are checked for every trace before the first one runs.
 *
 * @throws FundusLensError `trace.positions`, `input.invalid` for a layer outside 0…L; whatever the engine throws when no
 *   trace could be repeated
 */
export async function exportHiddenStates(
  services: Services,
  input: z.output<typeof hiddenStateExportSchema>,
  signal?: AbortSignal,
): Promise<ExportResult> {
  const traceIds = [...new Set(input.traceIds)];
  const orders = traceIds.map((traceId) => {
    const stored = traceWithFidelity(services.session.library, traceId);
    return {
      traceId,
      layers: chooseLayers(stored, input.layers),
      positions: choosePositions(stored, input.positions),
    };
  });
  const [only] = orders;
  const name = orders.length === 1 ? `hidden-states-trace-${only!.traceId}.zip` : 'hidden-states.zip';
  const entries = orders.length === 1 ? rowsOf(services, only!, input.format, '', signal) : rowsOfAll();
  return await deliver(input.target, name, 'application/zip', toZip(entries));

  /** One trace that cannot be repeated does not end the rest. */
  async function* rowsOfAll(): AsyncGenerator<ZipEntry> {
    const failures: unknown[] = [];
    for (const order of orders) {
      try {
        yield* rowsOf(services, order, input.format, `trace-${order.traceId}/`, signal);
      } catch (error) {
        signal?.throwIfAborted();
        failures.push({ traceId: order.traceId, problem: serializeError(error) });
        if (failures.length === orders.length) throw error;
      }
    }
    if (failures.length > 0)
      yield { name: 'failures.json', content: `${JSON.stringify(failures, null, 2)}\n` };
  }
}

interface HiddenStateOrder {
  readonly traceId: number;
  readonly layers: readonly number[];
  readonly positions: readonly number[];
}

async function* rowsOf(
  services: Services,
  { traceId, layers, positions }: HiddenStateOrder,
  format: 'safetensors' | 'npy',
  folder: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ZipEntry> {
  const stored = traceWithFidelity(services.session.library, traceId);
  const dumpPath = path.join(services.folders.cache, 'dumps', `${randomUUID()}.safetensors`);
  await mkdir(path.dirname(dumpPath), { recursive: true });
  try {
    await repeatTrace(services, traceId, { positions: 'last', topK: 1, dumpPath }, signal);
    const { values, shape } = await readResidualRows(dumpPath, layers, positions);
    const manifest = describe(traceId, stored, layers, positions, shape);
    const dataName = `hidden-states.${format}`;
    const data =
      format === 'npy'
        ? toNpy(values, shape)
        : toSafetensors('residual_stream', values, shape, { manifest: JSON.stringify(manifest) });
    const whole = { ...manifest, file: { name: dataName, sha256: sha256Hex(data), dtype: 'float32', shape } };
    yield { name: `${folder}manifest.json`, content: `${JSON.stringify(whole, null, 2)}\n` };
    yield { name: `${folder}${dataName}`, content: data };
  } finally {
    await rm(dumpPath, { force: true });
  }
}

function describe(
  traceId: number,
  { model, image, prompt, software }: LensTrace,
  layers: readonly number[],
  positions: readonly number[],
  shape: readonly number[],
) {
  return {
    schema: 'fundus-lens.hidden-states/1',
    tensor: 'residual_stream',
    axes: ['layer', 'position', 'dModel'],
    shape,
    norm: 'pre-norm: the residual stream before the final norm, also at the last layer',
    layers,
    layerMeaning: 'row 0 is the input to block 0; row l is the output of block l − 1; the last is not normed',
    positions,
    positionMeaning: '0-based in the prompt with the image placeholder repeated once per image token',
    imageSpan: prompt.imageSpan,
    ...(prompt.imagePieces === undefined ? {} : { imagePieces: prompt.imagePieces }),
    model: {
      id: model.id,
      sha256: model.sha256,
      weightDtype: model.weightDtype,
      fidelity: model.fidelity ?? null,
      provider: model.provider,
      device: model.device ?? null,
    },
    image: image === null ? null : { sha256: image.sha256, grid: image.grid, resized: image.resized },
    prompt: { text: prompt.text, rendered: prompt.rendered, tokenIds: prompt.tokenIds },
    traceId,
    software,
  };
}

function chooseLayers(trace: LensTrace, wanted: readonly number[]): number[] {
  const layers = [...new Set(wanted)].sort((a, b) => a - b);
  const outside = layers.filter((layer) => layer > trace.model.numLayers);
  if (outside.length === 0) return layers;
  throw new FundusLensError('input.invalid', 'The model has no such layer.', {
    expected: `0 to ${trace.model.numLayers}`,
    found: outside.join(', '),
    advice: 'Choose layers of this model; 0 is the input to its first block.',
  });
}

function choosePositions(trace: LensTrace, wanted: readonly number[] | null): number[] {
  const length = trace.prompt.tokenIds.length;
  const traced = trace.positions.filter((position) => position < length);
  const positions = wanted === null ? traced : [...new Set(wanted)].sort((a, b) => a - b);
  if (positions.length > 0 && positions.every((position) => position < length)) return positions;
  throw new FundusLensError('trace.positions', 'Hidden states exist for positions of the prompt only.', {
    expected: `positions below ${length}`,
    found: positions.filter((position) => position >= length).join(', ') || 'none',
    advice: 'Choose positions of the prompt.',
  });
}
