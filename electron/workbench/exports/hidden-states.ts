import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import type { ExportResult, hiddenStateExportSchema } from '../../contract/exports.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { sha256Hex } from '../../store/database/canonical-json.ts';
import type { Services } from '../services.ts';
import { repeatTrace } from '../traces/repeat-trace.ts';
import { deliver } from './deliver.ts';
import { readResidualRows } from './read-dump.ts';
import { toNpy, toSafetensors } from './tensor-files.ts';
import { toZip } from './zip.ts';
import { traceWithFidelity } from '../traces/trace-fidelity.ts';

/**
 * Runs a trace again and exports rows of its residual stream, before the final norm, with a manifest that says what
 * they are.
 *
 * @throws FundusLensError `trace.positions`, `input.invalid` for a layer outside 0…L, whatever the engine throws
 */
export async function exportHiddenStates(
  services: Services,
  input: z.output<typeof hiddenStateExportSchema>,
  signal?: AbortSignal,
): Promise<ExportResult> {
  const { traceId, format, target } = input;
  const stored = traceWithFidelity(services.session.library, traceId);
  const layers = chooseLayers(stored, input.layers);
  const positions = choosePositions(stored, input.positions);
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
    const entries = [
      { name: 'manifest.json', content: `${JSON.stringify(whole, null, 2)}\n` },
      { name: dataName, content: data },
    ];
    return await deliver(target, `hidden-states-trace-${traceId}.zip`, 'application/zip', toZip(entries));
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
