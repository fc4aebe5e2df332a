import { nameLens } from '../../../engine/lens-trace/name-lens.ts';
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { FundusLensError } from '../../../contract/errors.ts';
import type { AnimationExport, ExportResult } from '../../../contract/exports.ts';
import { answerIndex } from '../../../engine/lens-trace/reading.ts';
import type { LensTrace } from '../../../engine/lens-trace/lens-trace.ts';
import { imageLayout } from '../../../engine/lens-trace/overlay/image-layout.ts';
import { leadingConcepts } from '../../../engine/lens-trace/overlay/leading-concepts.ts';
import { buildOverlay } from '../../../engine/lens-trace/overlay/overlay-series.ts';
import type { OverlaySeries } from '../../../engine/lens-trace/overlay/overlay-series.ts';
import { showToken, topCells } from '../../../engine/lens-trace/overlay/top-cells.ts';
import { defaultLimits } from '../../../ingest/import-failure.ts';
import { openPixels } from '../../../ingest/views/views.ts';
import type { Library } from '../../../store/library/library.ts';
import type { Services } from '../../services.ts';
import { deliver } from '../deliver.ts';
import { toZip } from '../zip.ts';
import type { ZipEntry } from '../zip.ts';
import { drawFrames } from './draw-frames.ts';
import type { Frame, Scene } from './draw-frames.ts';
import { openText } from './draw-text.ts';
import { animationWords } from './words.ts';

/** The last layer stays, so that the end can be read before the picture begins anew. */
const lastStaysMs = 2000;
const numWords = 4;

/**
 * A trace as a film over its layers. Neither patient nor file are named in it.
 *
 * @throws FundusLensError `trace.unknown`; `input.invalid` for a trace without a photograph; `output.unwritable`
 */
export async function exportAnimation(
  { session: { library }, folders }: Pick<Services, 'session' | 'folders'>,
  order: AnimationExport,
  signal?: AbortSignal,
): Promise<ExportResult> {
  const { traceId, format, target, layersPerSecond } = order;
  const trace = library.traces.get(traceId);
  const scene = describeScene(trace, order, await openPhotograph(library, order));
  const delay = scene.titles.map((_, index) =>
    Math.round(index === scene.titles.length - 1 ? lastStaysMs : 1000 / layersPerSecond),
  );
  const name = `trace-${traceId}-layers`;
  const frames = drawFrames(scene, await openText(folders.cache), signal);
  if (format === 'png')
    return await deliver(target, `${name}.zip`, 'application/zip', toZip(sequence(frames, trace, delay)));
  return await deliver(target, `${name}.${format}`, `image/${format}`, await animate(frames, format, delay));
}

async function openPhotograph(library: Library, { traceId, width }: AnimationExport) {
  const { imageId } = library.traces.summary(traceId);
  if (imageId === null)
    throw new FundusLensError('input.invalid', 'This trace has no photograph.', {
      expected: 'a trace of a photograph',
      found: 'a prompt alone',
      advice: 'Choose another trace, or export its figures.',
    });
  const bytes = await readFile(library.images.readableFile(library.images.get(imageId)));
  const { data, info } = await openPixels({ kind: 'encoded', bytes }, defaultLimits.pixels)
    .toColourspace('srgb')
    .flatten({ background: '#000000' })
    .resize({ width, height: width, fit: 'inside' })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width: shown, height, channels } = info;
  if (channels === 3) return { data, width: shown, height };
  const rgb = Buffer.alloc(shown * height * 3);
  for (let pixel = 0; pixel < shown * height; pixel++)
    rgb.fill(data[pixel * channels]!, pixel * 3, pixel * 3 + 3);
  return { data: rgb, width: shown, height };
}

function describeScene(trace: LensTrace, order: AnimationExport, photograph: Scene['photograph']): Scene {
  const words = animationWords[order.language];
  const conceptIndex = chooseConcept(trace, order.conceptId);
  const positionIndex = choosePosition(trace, order.position);
  const layout = imageLayout(trace);
  const series =
    order.overlay === 'off' || layout === null || (order.overlay === 'concept' && trace.concepts.length === 0)
      ? null
      : buildOverlay(trace, layout, { mode: order.overlay, conceptIndex, logarithmic: order.logarithmic });
  const last = String(trace.layers.at(-1));
  const lead = words.words.replace('{position}', String(trace.positions[positionIndex]));
  return {
    photograph,
    series,
    scale: order.scale,
    opacity: order.opacity,
    showSinks: order.showSinks,
    subject: describeSubject(trace, order, series, conceptIndex),
    ends: series === null ? ['', ''] : [showProbability(series.domain[0]), showProbability(series.domain[1])],
    footnotes: [
      `${trace.model.id} · ${nameLens(trace, order.language)} · Fundus Lens ${trace.software.version}`,
      words.caution,
    ],
    titles: trace.layers.map((layer) =>
      words.layer.replace('{layer}', String(layer)).replace('{last}', last),
    ),
    topWords: trace.layers.map((_, layer) => {
      const cells = topCells(trace, layer, positionIndex).slice(0, numWords);
      return `${lead} ${cells.map(({ text, probability }) => `${showToken(text)} ${showProbability(probability)}`).join('   ')}`;
    }),
  };
}

function describeSubject(
  trace: LensTrace,
  { language, overlay }: AnimationExport,
  series: OverlaySeries | null,
  conceptIndex: number,
): string {
  const words = animationWords[language];
  if (series === null) return words.noOverlay;
  if (overlay === 'top-token') return words.topToken;
  return words.concept.replace('{concept}', trace.concepts[conceptIndex]!.label[language]);
}

/** Without a wish, the target that comes nearest to being said where the answer begins. */
function chooseConcept(trace: LensTrace, wanted: string | null): number {
  const id = wanted ?? leadingConcepts(trace, answerIndex(trace), 1)[0];
  const index = trace.concepts.findIndex((concept) => concept.id === id);
  if (index >= 0 || wanted === null) return Math.max(0, index);
  throw new FundusLensError('input.invalid', 'This trace has no such concept.', {
    expected: trace.concepts.map((concept) => concept.id).join(', '),
    found: wanted,
    advice: 'Choose one of them.',
  });
}

function choosePosition(trace: LensTrace, wanted: number | null): number {
  const index = wanted === null ? answerIndex(trace) : trace.positions.indexOf(wanted);
  if (index >= 0) return index;
  throw new FundusLensError('input.invalid', 'This position was not traced.', {
    expected: `one of ${trace.positions.length} traced positions`,
    found: String(wanted),
    advice: 'Choose one of them, or trace again with all positions.',
  });
}

function showProbability(value: number): string {
  if (value === 0) return '0 %';
  const percent = 100 * value;
  return percent < 0.1 ? `${percent.toExponential(0)} %` : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

async function animate(
  frames: AsyncIterable<Frame>,
  format: 'gif' | 'webp',
  delay: number[],
): Promise<Buffer> {
  const pages: Frame[] = [];
  for await (const frame of frames) pages.push(frame);
  const { width, height } = pages[0]!;
  const film = sharp(Buffer.concat(pages.map(({ data }) => data)), {
    raw: { width, height: height * pages.length, channels: 3, pageHeight: height },
    limitInputPixels: false,
  });
  return format === 'gif'
    ? await film.gif({ delay, loop: 0, effort: 4 }).toBuffer()
    : await film.webp({ delay, loop: 0, quality: 90, effort: 2 }).toBuffer();
}

/** A picture for each layer, and which is which. */
async function* sequence(
  frames: AsyncIterable<Frame>,
  { layers }: LensTrace,
  delay: readonly number[],
): AsyncGenerator<ZipEntry> {
  const list: { readonly file: string; readonly layer: number; readonly milliseconds: number }[] = [];
  for await (const { data, width, height } of frames) {
    const layer = layers[list.length]!;
    const name = `layer-${String(layer).padStart(3, '0')}.png`;
    list.push({ file: name, layer, milliseconds: delay[list.length]! });
    yield {
      name,
      content: await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer(),
    };
  }
  yield { name: 'frames.json', content: `${JSON.stringify(list, null, 2)}\n` };
}
