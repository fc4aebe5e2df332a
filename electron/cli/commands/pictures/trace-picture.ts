import { describeDevice } from '../../../engine/lens-trace/describe-device.ts';
import { nameLens } from '../../../engine/lens-trace/name-lens.ts';
import { answerIndex, countEarlyLayers } from '../../../engine/lens-trace/reading.ts';
import { warningText } from '../../../engine/lens-trace/warning-words.ts';
import type { ConceptTrace, LensTrace, Timings } from '../../../engine/lens-trace/lens-trace.ts';
import { readVerdict } from '../../../engine/lens-trace/read-verdict.ts';
import { listVerdict } from '../../../engine/readability/verdict.ts';
import type { Paint } from '../../terminal/paint.ts';
import { drawBar, fit, showPercent, showToken, wrap } from '../../terminal/text-cells.ts';

const width = 80;
const numTokens = 3;
const tokenWidth = 14;
const numConcepts = 3;
const conceptWidth = 10;
const conceptLetters = 'ABC';
/** Concepts that are never readable are named up to this many, else counted. */
const maxNamesOfNever = 8;

export interface PictureOptions {
  /** Name of the image file; null for a prompt without an image. */
  readonly imageName: string | null;
  /** Language of the concepts' names. */
  readonly language: 'en' | 'ru';
  readonly paint: Paint;
}

/**
 * Draws a trace for a terminal of 80 columns: one line for each layer with its most likely tokens and the
 * probability of three concepts as bars, at the last traced position; then from which layer on each concept is
 * readable, what to beware of, and where the numbers come from.
 */
export function drawTrace(trace: LensTrace, options: PictureOptions): string {
  const shown = chooseConcepts(trace);
  return [
    ...drawHeading(trace, options),
    '',
    ...drawLayers(trace, shown, options),
    '',
    ...drawVerdict(trace, options),
    ...drawGenerated(trace),
    '',
    ...drawCautions(trace, options),
    ...drawProvenance(trace),
    '',
  ].join('\n');
}

function drawHeading(trace: LensTrace, { imageName, paint }: PictureOptions): string[] {
  const { image, prompt, positions } = trace;
  const position = positions[answerIndex(trace)]!;
  const which = position === prompt.tokenIds.length - 1 ? ', where the answer begins' : '';
  const among = positions.length === 1 ? '' : `; ${positions.length} positions are traced`;
  const title =
    image === null
      ? 'No image: the prompt alone'
      : `${imageName ?? 'image'}  ${image.width} × ${image.height} pixels, seen as ${image.resized.join(' × ')}`;
  return [
    paint('bold', wrap(title, width, '  ')),
    wrap(`"${prompt.text.replace(/\s+/g, ' ')}"`, width, ' '),
    wrap(`${capitalise(nameLens(trace, 'en'))} at position ${position}${which}${among}`, width, '  '),
  ];
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function drawLayers(trace: LensTrace, shown: readonly ConceptTrace[], options: PictureOptions): string[] {
  const { paint, language } = options;
  const numPositions = trace.positions.length;
  const position = answerIndex(trace);
  const roles = rolesByToken(trace);
  const letters = shown.map((_, index) => fit(conceptLetters.charAt(index), conceptWidth)).join('');
  const heading = `layer  ${fit('most likely next tokens', numTokens * tokenWidth)} ${letters}`;
  const numEarly = countEarlyLayers(trace, position);
  const rows = trace.layers.map((layer, index) => {
    const cell = index * numPositions + position;
    const tokens = Array.from({ length: Math.min(numTokens, trace.topK) }, (_, k) => {
      const id = trace.cells.topIds[cell * trace.topK + k]!;
      const percent = showPercent(Math.exp(trace.cells.topLogProbs[cell * trace.topK + k]!));
      const text = fit(showToken(trace.tokenTexts[id] ?? ''), tokenWidth - 7);
      return `${paintRole(paint, roles.get(id), text)} ${percent.padStart(5)} `;
    });
    const padding = ' '.repeat((numTokens - tokens.length) * tokenWidth);
    const bars = shown.map(({ role, logProb }) =>
      paintRole(paint, role, fit(drawBar(Math.exp(logProb[cell]!), conceptWidth - 1), conceptWidth)),
    );
    const early = index < numEarly;
    const label = `${String(layer).padStart(5)}${early ? '~' : ' '}`;
    return `${early ? paint('dim', label) : label} ${tokens.join('')}${padding} ${bars.join('')}`.trimEnd();
  });
  const legend = shown.map(({ label, role }, index) => {
    const name = label[language] + (role === 'control' ? ' (control)' : '');
    return `${conceptLetters.charAt(index)} ${name}`;
  });
  const scale = 'a full bar is a probability of 1';
  return [
    paint('bold', heading.trimEnd()),
    ...rows,
    ...(legend.length === 0 ? [] : [wrap(`Bars: ${legend.join(', ')}; ${scale}`, width, '  ')]),
  ];
}

/** Of the concepts that the last layer gives most, three, with at least one that the study asks about. */
function chooseConcepts(trace: LensTrace): ConceptTrace[] {
  const last = (trace.layers.length - 1) * trace.positions.length + answerIndex(trace);
  const ordered = [...trace.concepts].sort((a, b) => b.logProb[last]! - a.logProb[last]!);
  const chosen = ordered.slice(0, numConcepts);
  const target = ordered.find(({ role }) => role === 'target');
  if (target !== undefined && !chosen.some(({ role }) => role === 'target'))
    chosen[chosen.length - 1] = target;
  return chosen;
}

function rolesByToken(trace: LensTrace): Map<number, ConceptTrace['role']> {
  const roles = new Map<number, ConceptTrace['role']>();
  for (const { role, tokens } of trace.concepts) {
    for (const { id } of tokens) if (roles.get(id) !== 'target') roles.set(id, role);
  }
  return roles;
}

function paintRole(paint: Paint, role: ConceptTrace['role'] | undefined, text: string): string {
  if (role === undefined) return text;
  return paint(role === 'target' ? 'green' : 'yellow', text);
}

/** The verdict in words; of traces from before there was one, from which layer on each concept counted as readable. */
function drawVerdict(trace: LensTrace, options: PictureOptions): string[] {
  const verdict = readVerdict(trace, options.language);
  if (verdict === null) return drawEmergence(trace, options);
  const [first, ...rest] = listVerdict(verdict);
  if (first === undefined) return [];
  return [options.paint('bold', wrap(first, width, '  ')), ...rest.map((line) => wrap(line, width, '  '))];
}

function drawEmergence(trace: LensTrace, { language, paint }: PictureOptions): string[] {
  if (trace.concepts.length === 0) return [];
  const position = answerIndex(trace);
  const [{ emergence: rule }] = trace.concepts as [ConceptTrace, ...ConceptTrace[]];
  const controls =
    rule.controlLogOdds === null ? 'not compared with controls' : `above ${trace.controls.length} controls`;
  const byLayer = Map.groupBy(trace.concepts, ({ emergence }) => emergence.layers[position] ?? null);
  const found = [...byLayer.keys()].filter((layer) => layer !== null).sort((a, b) => a - b);
  const never = byLayer.get(null) ?? [];
  const lineOf = (when: string, concepts: readonly ConceptTrace[]) => {
    const names = concepts.map(
      ({ label, role }) => label[language] + (role === 'control' ? ' (control)' : ''),
    );
    return wrap(`  ${fit(when, 10)}${names.join(', ')}`, width, ' '.repeat(12));
  };
  const lines = found.map((layer) => lineOf(`layer ${layer}`, byLayer.get(layer)!));
  if (never.length > maxNamesOfNever) {
    const which = found.length === 0 ? 'all' : 'the other';
    lines.push(`  ${fit('never', 10)}${which} ${never.length} concepts`);
  } else if (never.length > 0) lines.push(lineOf('never', never));
  const rank = rule.maxRank === null ? '' : `rank at most ${rule.maxRank} at that and every later layer; `;
  const heading = `Readable from (${rank}${controls}):`;
  return [paint('bold', wrap(heading, width, '  ')), ...lines];
}

function drawGenerated({ generated }: LensTrace): string[] {
  if (generated.ids.length === 0) return [];
  const text = generated.text.replace(/\s+/g, ' ').trim();
  return ['', wrap(`Answer: ${text}${generated.ended ? '' : ' …'}`, width, '  ')];
}

function drawCautions(trace: LensTrace, { paint }: PictureOptions): string[] {
  const lines = [
    ...trace.warnings.map((warning) => paint('yellow', wrap(`! ${warningText(warning, 'en')}`, width, '  '))),
  ];
  const last = (trace.layers.length - 1) * trace.positions.length + answerIndex(trace);
  const topIds = [...trace.cells.topIds.subarray(last * trace.topK, last * trace.topK + numTokens)];
  for (const id of topIds) {
    const owners = trace.concepts.filter(({ tokens }) =>
      tokens.some((token) => token.id === id && token.fragment),
    );
    const token = owners[0]?.tokens.find((candidate) => candidate.id === id);
    if (token === undefined) continue;
    const others = token.sharedWith.slice(0, 4);
    const also = others.length === 0 ? '' : `, and could become ${others.join(', ')} as well`;
    lines.push(
      wrap(
        `· "${showToken(token.text)}" is only the beginning of ${token.forms[0]!.trim()}${also}.`,
        width,
        '  ',
      ),
    );
  }
  lines.push(
    wrap('~ Early layers are hard to read: a word that is missing there may still be known.', width, '  '),
  );
  return [...lines, ''];
}

/** Lest a short time be taken for a fast machine, or a long one for a slow. */
function describeReuse({ reuse }: Timings): string {
  if (reuse === undefined) return '';
  if (reuse.prefix) return ' without the layers up to the end of the image, kept from an earlier trace';
  if (reuse.vision) return ' without the encoding of the image, kept from an earlier trace';
  return reuse.batch > 1 ? ` together with ${reuse.batch - 1} more images` : '';
}

/** Nothing of weights as they were published. */
function describeFidelity({ fidelity }: LensTrace['model']): string[] {
  if (fidelity === undefined) return [];
  if (fidelity === null)
    return ['how true these prepared weights are was not measured; "fundus-lens models verify" does'];
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  const { top1Agreement, top1AgreementClear, worstLayerTop1Agreement } = fidelity;
  return [
    `prepared weights: same top token as the original at ${share(top1Agreement)} (${share(top1AgreementClear)} where it is clear), ${share(worstLayerTop1Agreement)} at the worst layer; readability was not asked of them; the layer from which a concept’s first tokens are among the ten likeliest changed for ${fidelity.emergenceChanged} of ${fidelity.emergenceCompared}`,
  ];
}

function drawProvenance(trace: LensTrace): string[] {
  const { model, image, gate, timings, software } = trace;
  const parts = [
    `model ${model.id} (${model.family}, ${model.numLayers} layers, ${model.weightDtype}), sha256 ${model.sha256.slice(0, 16)}…`,
    ...describeFidelity(model),
    image === null ? 'no image' : `image sha256 ${image.sha256.slice(0, 16)}…, grid ${image.grid.join('×')}`,
    `${nameLens(trace, 'en')} on ${describeDevice(model)}; last layer differs from the model by ${gate.maxAbsDiff.toPrecision(2)} (at most ${gate.tolerance.toPrecision(2)})`,
    `fundus-lens ${software.version}, onnxruntime ${software.onnxruntime}; ${(timings.total / 1000).toFixed(1)} s${describeReuse(timings)}`,
  ];
  return parts.map((part) => wrap(part, width, '  '));
}
