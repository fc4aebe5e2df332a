import type { TapOutcome } from '../../contract/protocols/decoders.ts';
import type { DecoderReport } from '../../contract/protocols/decoder-report.ts';
import type { ImageAnswer, SaidRow, SaidTable } from '../../contract/protocols/said.ts';
import type { ImageChoice } from '../../contract/image-query.ts';
import { groupByPatient } from '../../decoder/layer/patient-groups.ts';
import { estimate, samplePatients, type Estimate } from '../../decoder/measure/bootstrap.ts';
import { auroc, rankScores } from '../../decoder/measure/metrics.ts';
import { truthOf, type ProtocolQuestion } from '../../protocol/questions.ts';
import { protocolLanguages } from '../../protocol/schema-format.ts';
import type { Library } from '../../store/library/library.ts';
import { queueTaskId } from '../../tasks/task-queue.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { folderOf } from '../models/model-state.ts';
import type { SettingsFile } from '../settings/settings-file.ts';
import { chosenImages } from '../traces/enqueue.ts';
import { modelOf, shapeOfDecoder } from './apply.ts';
import { labelsOf } from './labels.ts';
import { openDecoder } from './open-decoder.ts';
import { findQuestion, fundusQuestions, waysToAsk } from './questions.ts';
import { toQueuedTap } from './queued-tap.ts';
import { patientKey } from '../patients/patient-key.ts';

const bootstrapSamples = 500;

/**
 * Queues questions about images, one task an image; what was asked before is not asked again.
 *
 * @throws FundusLensError `decoder.other-model`, `model.not-found`, `input.invalid` for an unknown question
 */
export async function enqueueQuestions(
  { session, settings }: { readonly session: LibrarySession; readonly settings: SettingsFile },
  {
    decoderId,
    images,
    questions,
  }: { decoderId: number; images: ImageChoice; questions?: readonly string[] | undefined },
): Promise<TapOutcome> {
  const { library } = session;
  const { decoder } = await openDecoder(library, decoderId);
  const model = modelOf(library, decoder);
  folderOf(model);
  const wanted = (questions ?? fundusQuestions.questions.map(({ id }) => id)).map(
    (id) => findQuestion(id).id,
  );
  const shape = shapeOfDecoder(decoder);
  const cards = library.search.cards(chosenImages(library, images));
  const known = Map.groupBy(
    library.taps.answers(
      cards.map(({ id }) => id),
      shape,
    ),
    ({ imageId }) => imageId,
  );
  const { provider } = settings.get();
  const open = cards.flatMap((card) => {
    const answered = known.get(card.id) ?? [];
    const left = wanted.filter(
      (id) => answered.filter(({ question }) => question === id).length < waysToAsk(id).length,
    );
    return left.length === 0 ? [] : [{ card, left }];
  });
  const { added, existing, requeued } = library.queue.enqueue(
    open.map(({ card: { id, sha256 }, left }) =>
      toQueuedTap({ ...shape, modelId: model.id, imageSha256: sha256, provider, questions: left }, id, 0),
    ),
  );
  return { tasks: [...added, ...requeued, ...existing].map(queueTaskId), ready: cards.length - open.length };
}

interface AnsweredImage {
  readonly patient: string;
  readonly truth: boolean;
  /** By language, float32 [layers]: margin of "it is there" over "it is not", mean of both polarities. */
  readonly margins: Readonly<Partial<Record<'en' | 'ru', Float32Array>>>;
}

/**
 * What is encoded beside what is said, over the images whose truth is known.
 *
 * @throws FundusLensError `input.invalid` for an unknown decoder
 */
export async function compareSaid(
  library: Library,
  decoderId: number,
  choice: ImageChoice,
): Promise<SaidTable> {
  const { decoder, card } = await openDecoder(library, decoderId);
  const ids = chosenImages(library, choice);
  const answers = Map.groupBy(library.taps.answers(ids, shapeOfDecoder(decoder)), ({ imageId }) => imageId);
  const images = ids.map((id) => {
    const image = library.images.get(id);
    const labels = labelsOf(library, image, { findings: true });
    const values = Object.fromEntries(Object.entries(labels).map(([field, value]) => [field, { value, source: 'imported' as const, certainty: null }])); // prettier-ignore
    return { id, patient: patientKey(image), values };
  });
  const rows = fundusQuestions.questions.flatMap((question): SaidRow[] => {
    const known = images.flatMap(({ id, patient, values }): AnsweredImage[] => {
      const truth = truthOf(question, { values });
      if (truth === null) return [];
      const own = (answers.get(id) ?? []).filter((each) => each.question === question.id);
      return [{ patient, truth, margins: joinPolarities(own) }];
    });
    const probe = probeOf(card.report, question);
    return known.length === 0 && probe === null ? [] : [compareQuestion(question, known, probe)];
  });
  return { images: ids.length, missing: ids.filter((id) => !answers.has(id)).length, rows };
}

/** What the decoder's model answered about one image. @throws FundusLensError `input.invalid` for an unknown decoder or image */
export async function answersOfImage(
  library: Library,
  { decoderId, imageId }: { readonly decoderId: number; readonly imageId: number },
): Promise<ImageAnswer[]> {
  const { decoder } = await openDecoder(library, decoderId);
  const { id } = library.images.get(imageId);
  const answers = Map.groupBy(
    library.taps.answers([id], shapeOfDecoder(decoder)),
    ({ question }) => question,
  );
  return fundusQuestions.questions.flatMap((question) => {
    const byLanguage = joinPolarities(answers.get(question.id) ?? []);
    const margins = protocolLanguages.flatMap((language) => {
      const points = byLanguage[language];
      return points === undefined ? [] : [{ language, points: [...points] }];
    });
    if (margins.length === 0) return [];
    const signs = margins.map(({ points }) => points.at(-1)! > 0);
    const says = signs.every(Boolean) ? 'yes' : signs.some(Boolean) ? 'unclear' : 'no';
    const text = { en: question.text.en.positive, ru: question.text.ru.positive };
    return [{ question: question.id, text, ...fieldOf(question), says, margins }];
  });
}

const derivedQuestions: Readonly<Record<string, string>> = {
  referable: 'derived.referable',
  diabetic: 'derived.retinopathy',
};

/** The field that says the same as the question; the last one where any of several may. */
function fieldOf({ id, positive, negative }: ProtocolQuestion): Pick<ImageAnswer, 'field' | 'yes' | 'no'> {
  const derived = derivedQuestions[id];
  if (derived !== undefined) return { field: derived, yes: ['yes'], no: ['no'] };
  const { field, values } = positive.at(-1)!;
  const no = negative.filter((each) => each.field === field).flatMap((each) => each.values);
  return { field, yes: values, no };
}

function joinPolarities(own: ReturnType<Library['taps']['answers']>): AnsweredImage['margins'] {
  const entries = protocolLanguages.flatMap((language) => {
    const [positive, negative] = (['positive', 'negative'] as const).map(
      (polarity) => own.find((each) => each.language === language && each.polarity === polarity)?.margins,
    );
    if (positive === undefined || negative === undefined) return [];
    return [[language, positive.map((margin, layer) => (margin - negative[layer]!) / 2)] as const];
  });
  return Object.fromEntries(entries);
}

type FittedField = Extract<DecoderReport['fields'][number], { status: 'fitted' }>;

/** The field of the decoder that answers the question; null when it has none. */
function probeOf({ fields }: DecoderReport, { id, positive }: ProtocolQuestion): FittedField | null {
  const derived = derivedQuestions[id];
  const names = derived === undefined ? positive.map(({ field }) => field) : [derived];
  const field = fields.find((each) => names.includes(each.field));
  return field?.status === 'fitted' && field.kind === 'binary' ? field : null;
}

function compareQuestion(
  question: ProtocolQuestion,
  known: readonly AnsweredImage[],
  probe: FittedField | null,
): SaidRow {
  const positives = known.filter(({ truth }) => truth).length;
  const curve = (set: string) => probe?.curves.find((each) => each.set === set)?.points ?? [];
  const answers = protocolLanguages.map((language) => measureAnswers(language, known));
  return {
    question: question.id,
    text: { en: question.text.en.positive, ru: question.text.ru.positive },
    images: known.length,
    positives,
    prevalence: known.length === 0 ? null : positives / known.length,
    probe: [...curve('vision-output'), ...curve('image-mean')].map(({ layer, score, shuffled }) => ({
      layer,
      score,
      shuffled,
    })),
    pixels: curve('pixels')[0]?.score ?? null,
    chosen: probe === null ? null : choiceOf(probe),
    answers,
    verdict: judge(probe, answers),
  };
}

function choiceOf({ chosen: { set, layer, score, shuffled } }: FittedField): SaidRow['chosen'] {
  return { set, layer, score, shuffled };
}

function measureAnswers(language: 'en' | 'ru', known: readonly AnsweredImage[]): SaidRow['answers'][number] {
  const own = known.flatMap(({ patient, truth, margins }) => {
    const margin = margins[language];
    return margin === undefined ? [] : [{ patient, truth, margin }];
  });
  const groups = groupByPatient(
    own.map(({ patient }) => patient),
    own.keys(),
  );
  const ordered = Array.from(groups.rows, (row) => own[row]!);
  const truth = Float64Array.from(ordered, (each) => Number(each.truth));
  const samples = samplePatients(groups.starts, own.length === 0 ? 0 : bootstrapSamples, 1);
  const numLayers = own[0]?.margin.length ?? 0;
  const points = Array.from({ length: numLayers }, (_, at) => {
    const ranking = rankScores(Float64Array.from(ordered, ({ margin }) => margin[at]!));
    const score: Estimate = estimate((weights) => auroc(ranking, truth, weights), samples);
    return { layer: at + 1, score };
  });
  const right = ordered.filter(({ margin, truth: is }) => margin.at(-1)! > 0 === is).length;
  return { language, points, right: ordered.length === 0 ? null : right / ordered.length };
}

/**
 * Encoded: the whole interval of the decoder's score lies above that of shuffled labels, as the window says of a field.
 * Said: the interval of an answer lies above chance.
 */
function judge(probe: FittedField | null, answers: SaidRow['answers']): SaidRow['verdict'] {
  const last = answers.flatMap(({ points }) => points.at(-1)?.score ?? []);
  if (probe === null || last.every(({ value }) => value === null)) return 'not-measured';
  const isAbove = ({ low }: Estimate, chance: number) => low !== null && low > chance;
  const { score, shuffled } = probe.chosen;
  const encoded = isAbove(score, Math.max(0.5, shuffled.high ?? shuffled.value ?? 0.5));
  const said = last.some((score) => isAbove(score, 0.5));
  if (encoded) return said ? 'encoded-and-said' : 'encoded-not-said';
  return said ? 'said-not-encoded' : 'neither';
}
