import type { DecodedField, DecodedImage, DecodedTable } from '../../contract/protocols/decoded.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { ImageChoice } from '../../contract/image-query.ts';
import { applyDecoder } from '../../decoder/file/apply-decoder.ts';
import type { DecoderFile } from '../../decoder/file/decoder-file.ts';
import type { Decoder, DecoderHead } from '../../decoder/fit/decoder.ts';
import type { StoredFeature, TapShape } from '../../store/decoders/taps.ts';
import type { Library } from '../../store/library/library.ts';
import type { StoredModel } from '../../store/models.ts';
import type { Engines } from '../engines.ts';
import type { SettingsFile } from '../settings/settings-file.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { chosenImages } from '../traces/enqueue.ts';
import { onDecoders } from './decoder-problem.ts';
import { featureSets, originOf } from './fit-request.ts';
import { openDecoder } from './open-decoder.ts';
import { readFeatures } from './tap-work.ts';
import { toDecodedField, toDecodedLayer } from './to-protocol.ts';

interface ApplyTools {
  readonly session: LibrarySession;
  readonly engines: Engines;
  readonly settings: SettingsFile;
}

/** How the decoder's features were read. */
export function shapeOfDecoder({ origin }: Decoder): TapShape {
  const { modelHash, prompt, imageLimits } = origin;
  return {
    modelSha256: modelHash,
    prompt,
    maxPixels: imageLimits.maxPixels === 0 ? null : imageLimits.maxPixels,
  };
}

/**
 * The decoder's model in this library.
 *
 * @throws FundusLensError `decoder.other-model` when it is not here, which names those that are
 */
export function modelOf(library: Library, { name, origin }: Decoder): StoredModel {
  const model = library.models.findBySha256(origin.modelHash);
  if (model !== undefined) return model;
  const here = library.models.list().map((each) => `${each.name} (${each.sha256.slice(0, 12)}…)`);
  throw new FundusLensError(
    'decoder.other-model',
    `The decoder "${name}" belongs to a model that is not here.`,
    {
      expected: `${origin.modelName} (${origin.modelHash.slice(0, 12)}…)`,
      found: here.length === 0 ? 'no model' : here.join(', '),
      advice: 'Add that model under "Models", or fit a decoder for one of these.',
    },
  );
}

/**
 * Reads one image at every layer of a decoder. Features that are not here are read first, and kept.
 *
 * @throws FundusLensError `decoder.other-model`, `model.not-found`, `image.*`, and whatever the engine finds wrong
 */
export async function decodeImage(
  { session, engines, settings }: ApplyTools,
  { decoderId, imageId }: { readonly decoderId: number; readonly imageId: number },
): Promise<DecodedImage> {
  const { library } = session;
  const file = await openDecoder(library, decoderId);
  const { decoder } = file;
  const model = modelOf(library, decoder);
  const image = library.images.get(imageId);
  const shape = shapeOfDecoder(decoder);
  let features = library.taps.get(imageId, shape);
  if (features.length === 0) {
    const { provider } = settings.get();
    features = await readFeatures(library, engines, image, { modelId: model.id, ...shape, provider });
    if (!session.isReadOnly) library.taps.put(imageId, shape, features);
  }
  const about = { image: image.sha256, observer: file.stored.name };
  const read = await readLayers(library, file, [image.sha256], [features], null);
  const layers = [...new Set(decoder.byLayer.map(({ layer }) => layer))].sort((a, b) => a - b);
  const byLayer = await Promise.all(
    layers.map(async (layer) => {
      const [fields] = await readLayers(library, file, [image.sha256], [features], layer);
      return toDecodedLayer(layer, fields!, about);
    }),
  );
  return {
    decoderId,
    imageId,
    chosen: toDecodedLayer(null, read[0]!, about),
    layers: byLayer,
    inTraining: trainedOn(library, file)(imageId),
  };
}

/**
 * Reads many images whose features are here.
 *
 * @param layer one of the decoder's; null for its own choice
 * @throws FundusLensError `decoder.other-model`; `input.invalid` for a layer that the decoder does not have
 */
export async function decodeImages(
  library: Library,
  {
    decoderId,
    images,
    layer,
  }: { readonly decoderId: number; readonly images: ImageChoice; readonly layer: number | null },
): Promise<DecodedTable> {
  const file = await openDecoder(library, decoderId);
  modelOf(library, file.decoder);
  const shape = shapeOfDecoder(file.decoder);
  const cards = library.search.cards(chosenImages(library, images));
  const tapped = library.taps.tapped(
    cards.map(({ id }) => id),
    shape,
  );
  const here = cards.filter(({ id }) => tapped.has(id));
  const features = here.map(({ id }) => library.taps.get(id, shape));
  const read =
    here.length === 0
      ? []
      : await readLayers(
          library,
          file,
          here.map(({ sha256 }) => sha256),
          features,
          layer,
        );
  const isTrainedOn = trainedOn(library, file);
  return {
    layer,
    rows: here.map(({ id, fileName, patientCode }, row) => ({
      imageId: id,
      fileName,
      patientCode,
      inTraining: isTrainedOn(id),
      fields: read[row]!,
    })),
    missing: cards.filter(({ id }) => !tapped.has(id)).map(({ id }) => id),
  };
}

async function readLayers(
  library: Library,
  { decoder }: DecoderFile,
  names: readonly string[],
  features: readonly (readonly StoredFeature[])[],
  layer: number | null,
): Promise<DecodedField[][]> {
  const heads = headsAt(decoder, layer);
  const origin = originOf(library, shapeOfDecoder(decoder));
  const values = await onDecoders(() =>
    applyDecoder({ ...decoder, heads }, { images: names, features: featureSets(names, features), origin }),
  );
  const byField = new Map(heads.map((head) => [head.field, head]));
  return values.map((ofImage) => ofImage.map((value) => toDecodedField(value, byField.get(value.field))));
}

function headsAt({ heads, byLayer, name }: Decoder, layer: number | null): readonly DecoderHead[] {
  if (layer === null) return heads;
  const own = byLayer.filter((head) => head.layer === layer);
  if (own.length > 0) return own;
  const layers = [...new Set(byLayer.map((head) => head.layer))].sort((a, b) => a - b);
  throw new FundusLensError('input.invalid', `The decoder "${name}" does not read this layer.`, {
    expected: layers.length === 0 ? 'its own choice' : `one of ${layers.join(', ')}, or its own choice`,
    found: String(layer),
    advice: 'Choose one of its layers.',
  });
}

/** Whether an image, or another one of its patient, was among those that the decoder was fitted on. */
function trainedOn(library: Library, { card }: DecoderFile): (imageId: number) => boolean {
  const images = card.images.flatMap((sha256) => library.images.findBySha256(sha256) ?? []);
  const ids = new Set(images.map(({ id }) => id));
  const patients = new Set(images.flatMap(({ patientId }) => patientId ?? []));
  return (imageId) => ids.has(imageId) || patients.has(library.images.get(imageId).patientId ?? 0);
}
