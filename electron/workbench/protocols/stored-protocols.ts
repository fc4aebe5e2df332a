import { FundusLensError } from '../../contract/errors.ts';
import type {
  ProtocolAgreement,
  ProtocolComparison,
  StoredProtocol,
} from '../../contract/protocols/protocols.ts';
import { compareProtocols, measureAgreement } from '../../protocol/compare.ts';
import { createProtocol, readProtocol, type Protocol } from '../../protocol/protocol.ts';
import type { Library } from '../../store/library/library.ts';
import { fundusSchema, onTheForm } from './protocol-form.ts';

/** @throws FundusLensError `input.invalid` for an unknown version, `protocol.invalid` for one of a newer form */
export function openProtocol(library: Library, id: number): StoredProtocol {
  const { version, protocol } = library.protocols.get(id);
  return { version, protocol: onTheForm(() => readProtocol(fundusSchema, protocol)) };
}

/**
 * Keeps what an observer wrote about an image as a new version.
 *
 * @throws FundusLensError `protocol.invalid` with every value that the form does not allow, `input.invalid` for an
 *   unknown image or an edit of a version that is no longer the newest
 */
export function saveProtocol(
  library: Library,
  about: { readonly imageId: number; readonly observer: string },
  values: Protocol['values'],
  basedOn?: number,
): StoredProtocol {
  const { sha256 } = library.images.get(about.imageId);
  const empty = createProtocol(fundusSchema, { image: sha256, observer: about.observer });
  const protocol = onTheForm(() => readProtocol(fundusSchema, { ...empty, values }));
  return library.protocols.add(about.imageId, protocol, basedOn);
}

/** Makes an older version the newest again, as a version of its own. */
export function restoreProtocol(library: Library, id: number): StoredProtocol {
  const { version, protocol } = openProtocol(library, id);
  return library.protocols.add(version.imageId, protocol);
}

/** @throws FundusLensError `input.invalid` for protocols of several images */
export function compareStored(library: Library, ids: readonly number[]): ProtocolComparison {
  const stored = ids.map((id) => openProtocol(library, id));
  const images = [...new Set(stored.map(({ version }) => version.imageId))];
  if (images.length > 1) {
    throw new FundusLensError(
      'input.invalid',
      'Only protocols of one image can be compared field by field.',
      {
        expected: 'protocols of one image',
        found: `protocols of the images ${images.join(', ')}`,
        advice: 'For agreement over many images choose a group.',
      },
    );
  }
  const fields = compareProtocols(
    fundusSchema,
    stored.map(({ protocol }) => protocol),
  );
  return {
    versions: stored.map(({ version }) => version),
    fields: fields.map((each) => ({ ...each, values: [...each.values] })),
  };
}

/**
 * Agreement of two observers over the images of a group that both described, by the versions in force.
 *
 * @throws FundusLensError `input.invalid` for one observer twice, or when there is no such image
 */
export function measureGroupAgreement(
  library: Library,
  groupId: number,
  [first, second]: readonly [string, string],
): ProtocolAgreement {
  if (first === second) {
    throw new FundusLensError('input.invalid', 'Agreement needs two observers.', {
      expected: 'two different names',
      found: `"${first}" twice`,
    });
  }
  const { name } = library.groups.get(groupId);
  const versions = Map.groupBy(library.protocols.ofGroup(groupId), ({ imageId }) => imageId);
  const pairs = [...versions.values()].flatMap((ofImage) => {
    const [a, b] = [first, second].map((who) => ofImage.find(({ observer }) => observer === who));
    if (a === undefined || b === undefined) return [];
    return [{ first: openProtocol(library, a.id).protocol, second: openProtocol(library, b.id).protocol }];
  });
  if (pairs.length === 0) {
    throw new FundusLensError('input.invalid', 'No image of this group was described by both observers.', {
      expected: `images of "${name}" with protocols of "${first}" and "${second}"`,
      found: `observers: ${[...new Set([...versions.values()].flat().map(({ observer }) => observer))].join(', ') || 'none'}`,
      advice: 'Choose other observers, or describe the same images.',
    });
  }
  const fields = measureAgreement(fundusSchema, pairs).map((each) => ({
    ...each,
    difference:
      each.difference === null
        ? null
        : {
            ...each.difference,
            limits:
              each.difference.limits === null ? null : ([...each.difference.limits] as [number, number]),
          },
  }));
  return { images: pairs.length, fields };
}
