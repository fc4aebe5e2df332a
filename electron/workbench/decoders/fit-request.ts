import packageJson from '#package.json' with { type: 'json' };
import type { FitOrder, FitPreview } from '../../contract/protocols/decoders.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import { countValues, prepareField } from '../../decoder/layer/prepare-field.ts';
import { DecoderError, serializeDecoderError } from '../../decoder/request/errors.ts';
import { metadataFeatures } from '../../decoder/request/metadata.ts';
import type { FeatureSet, FieldLabels, FitRequest } from '../../decoder/request/request.ts';
import type { StoredFeature, TapShape } from '../../store/decoders/taps.ts';
import type { Library } from '../../store/library/library.ts';
import { fundusSchema } from '../protocols/protocol-form.ts';
import { chosenImages } from '../traces/enqueue.ts';
import { problemOfRefusal } from './decoder-problem.ts';
import { fieldLabels, labelsOf, learnableFields } from './labels.ts';
import { shapeOf } from './tap-order.ts';
import { patientKey } from '../patients/patient-key.ts';

type Labelled = Omit<FitOrder, 'name' | 'note' | 'seed'>;

/** Images of an order with what is known of them. */
interface LabelledImages {
  readonly images: readonly LibraryImage[];
  /** Whose each is; an image without a patient stands for one of its own. */
  readonly patients: readonly string[];
  readonly fields: readonly FieldLabels[];
}

/**
 * Images and labels that an order speaks of.
 *
 * @throws FundusLensError `decoder.no-fields` without a label, `input.invalid` for a field that cannot be learnt
 */
function labelImages(
  library: Library,
  { images: choice, fields: wanted, observer, findings }: Labelled,
): LabelledImages {
  const images = chosenImages(library, choice).map((id) => library.images.get(id));
  const labels = images.map((image) => labelsOf(library, image, { observer, findings }));
  const learnable = learnableFields();
  const unknown = wanted?.filter((id) => !learnable.includes(id)) ?? [];
  if (unknown.length > 0) {
    throw new FundusLensError('input.invalid', 'These fields cannot be learnt.', {
      expected: learnable.join(', '),
      found: unknown.join(', '),
      advice: 'Choose fields with a value set or a number; texts and details of other fields are not learnt.',
    });
  }
  const fields = (wanted ?? learnable).flatMap((id) => fieldLabels(id, labels) ?? []);
  if (fields.length === 0) {
    throw new FundusLensError('decoder.no-fields', 'Nothing is known of these images that could be learnt.', {
      expected: 'protocols, findings, or the eye of at least some images',
      found: `${images.length} images without a label`,
      advice: 'Enter protocols or import labels first, or choose other images.',
    });
  }
  return { images, patients: images.map(patientKey), fields };
}

/** Says what a fit would find, without computing anything. @throws FundusLensError as `makeFitRequest` */
export function previewFit(library: Library, order: Labelled): FitPreview {
  const { images, patients, fields } = labelImages(library, order);
  const ready = library.taps.tapped(
    images.map(({ id }) => id),
    shapeOf(library, order),
  );
  return {
    images: images.length,
    patients: new Set(patients).size,
    untapped: images.length - ready.size,
    fields: fields.map((field) => ({
      field: field.id,
      kind: field.kind,
      counts: countValues(field, patients),
      problem: findObstacle(field, patients, order.minPatients),
    })),
  };
}

function findObstacle(field: FieldLabels, patients: readonly string[], minPatients: number) {
  try {
    prepareField(field, patients, minPatients);
    return null;
  } catch (error) {
    if (!(error instanceof DecoderError)) throw error;
    return problemOfRefusal(serializeDecoderError(error));
  }
}

/**
 * Everything that a fit computes with.
 *
 * @returns and the SHA-256 of the images, in the same order
 * @throws FundusLensError `decoder.features-missing` for images that were not tapped, `decoder.no-fields`,
 *   `input.invalid`; `library.damaged` for features that have changed
 */
export function makeFitRequest(
  library: Library,
  order: FitOrder,
): { request: FitRequest; sha256s: string[] } {
  const { images, patients, fields } = labelImages(library, order);
  const shape = shapeOf(library, order);
  const names = images.map(({ sha256 }) => sha256);
  const sources = sourcesOf(images, patients);
  const read = images.map(({ id }) => library.taps.get(id, shape));
  const missing = images.filter((_, row) => read[row]!.length === 0);
  if (missing.length > 0) {
    throw new FundusLensError('decoder.features-missing', 'Some images have no features of this model.', {
      expected: `features of all ${images.length} images`,
      found: `none for ${missing.length}, such as ${missing
        .slice(0, 3)
        .map(({ fileName }) => fileName)
        .join(', ')}`,
      advice: 'Read the features of these images first, or leave the images out.',
    });
  }
  const sets = featureSets(names, read);
  const request: FitRequest = {
    name: order.name,
    images: names,
    patients,
    ...(sources === null ? {} : { sources }),
    features: [...sets, ...metadataSet(images, names)],
    byLayer: ['vision-output', 'image-mean'],
    fields,
    origin: originOf(library, shape),
    options: {
      minPatients: order.minPatients,
      seed: order.seed,
      alpha: Math.max(0.1, 1 / (order.minPatients + 1)),
    },
  };
  return { request, sha256s: names };
}

/** Where features of a shape come from, as decoders compare it. */
export function originOf(
  library: Library,
  { modelSha256, prompt, maxPixels }: TapShape,
): FitRequest['origin'] {
  return {
    modelHash: modelSha256,
    modelName: library.models.findBySha256(modelSha256)?.name ?? modelSha256.slice(0, 12),
    prompt,
    imageLimits: { minPixels: 0, maxPixels: maxPixels ?? 0 },
    softwareVersion: packageJson.version,
    schemaVersion: String(fundusSchema.version),
  };
}

/** Stored features of images as sets of equal rows; `image-mean` and `last-position` may be decoded, the others are baselines. */
export function featureSets(
  names: readonly string[],
  read: readonly (readonly StoredFeature[])[],
): FeatureSet[] {
  const ids = [...new Set(read[0]?.map(({ name }) => name))];
  return ids.map((id) => {
    const own = read.map((features) => new Map(features.filter(({ name }) => name === id).map((each) => [each.layer, each.values]))); // prettier-ignore
    const layers = [...own[0]!.keys()];
    const width = own[0]!.get(layers[0]!)!.length;
    return {
      id,
      role: id === 'image-mean' || id === 'last-position' ? 'layers' : 'baseline',
      images: names,
      width,
      layers: layers.map((layer) => {
        const values = new Float32Array(names.length * width);
        own.forEach((features, row) =>
          values.set(features.get(layer)?.subarray(0, width) ?? [], row * width),
        );
        return { layer, values };
      }),
    };
  });
}

/** What is known without looking at the pictures; none where all are alike. */
function metadataSet(images: readonly LibraryImage[], names: readonly string[]): FeatureSet[] {
  const { values, width } = metadataFeatures([
    { name: 'camera', values: images.map(({ camera }) => camera) },
    { name: 'width', values: images.map((image) => image.width) },
    { name: 'height', values: images.map((image) => image.height) },
  ]);
  const varies = values.some((value, at) => value !== values[at % width]);
  return varies
    ? [{ id: 'metadata', role: 'baseline', images: names, width, layers: [{ layer: 0, values }] }]
    : [];
}

/** The camera of each image; null where there is one only, or a patient has several. */
function sourcesOf(images: readonly LibraryImage[], patients: readonly string[]): string[] | null {
  const sources = images.map(({ camera }) => camera ?? 'unknown camera');
  const pairs = new Set(sources.map((source, row) => `${patients[row]!}\n${source}`));
  return new Set(sources).size > 1 && pairs.size === new Set(patients).size ? sources : null;
}
