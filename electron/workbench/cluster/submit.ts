import { chooseChunkSize } from '../../cluster/chunk.ts';
import type { Chunk } from '../../cluster/chunk.ts';
import type { NewChunk } from '../../cluster/chunk-queue.ts';
import { lookUp, measuredMilliseconds } from '../../cluster/results.ts';
import type { ObjectStorage } from '../../cluster/storage/storage.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import { fittedOf } from '../../engine/lens-trace/trace-request.ts';
import { canonicalJson } from '../../store/database/canonical-json.ts';
import type { StoredExperiment } from '../../store/experiments/experiments.ts';
import type { Library } from '../../store/library/library.ts';
import { findCells } from '../experiments/plan/cells.ts';
import type { PlannedCell } from '../experiments/plan/cells.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { conditionOf } from './chunk-cells.ts';
import type { ClusterConnection, OpenedCluster } from './cluster-connection.ts';

/** Chunks that are put into the queue in one transaction. */
const chunksTogether = 8;
/** How often what another has ordered in the meantime is taken out. */
const mostTries = 5;

export interface Submitted {
  readonly ordered: number;
  readonly chunks: number;
  readonly photographs: number;
}

/**
 * Orders what is missing of an experiment on the cluster. What was ordered before is not ordered again, unless it failed.
 *
 * @throws FundusLensError `cluster.*`; `input.invalid` when no photograph of what is missing is in the library;
 *   `image.unreadable` when a file is not what was imported
 */
export async function submitExperiment(
  { session, cluster: connection }: { readonly session: LibrarySession; readonly cluster: ClusterConnection },
  stored: StoredExperiment,
): Promise<Submitted> {
  const { library } = session;
  const opened = await connection.open();
  let total: Submitted = { ordered: 0, chunks: 0, photographs: 0 };
  for (let attempt = 0; attempt < mostTries; attempt++) {
    const missing = findCells(library, stored).filter(({ traceId }) => traceId === null);
    const known = await lookUp(
      opened.cluster,
      missing.map(({ contentKey }) => contentKey),
    );
    const wanted = missing.filter(({ contentKey }) => {
      const state = known.get(contentKey)?.state;
      return state === undefined || state === 'failed';
    });
    if (wanted.length === 0) break;
    const { isWhole, ...part } = await order(library, opened, stored, wanted);
    total = {
      ordered: total.ordered + part.ordered,
      chunks: total.chunks + part.chunks,
      photographs: total.photographs + part.photographs,
    };
    if (isWhole) break;
  }
  library.audit.append('cluster.submit', `experiment ${stored.id}`, { ...total });
  return total;
}

async function order(
  library: Library,
  opened: OpenedCluster,
  stored: StoredExperiment,
  cells: readonly PlannedCell[],
): Promise<Submitted & { readonly isWhole: boolean }> {
  const { cluster, chunks, storage } = opened;
  const images = imagesOf(library, cells);
  await putShared(library, storage, stored, cells);
  const files = new Map<string, string>();
  let [ordered, added] = [0, 0];
  for (const [modelSha256, ofModel] of Map.groupBy(cells, ({ request }) => request.modelSha256)) {
    await chunks.ensureQueue(modelSha256);
    const photographs = [...Map.groupBy(ofModel, ({ photograph }) => photograph)].filter(([sha256]) =>
      images.has(sha256),
    );
    // Photographs of one grid stand together, so that the engine may take them through the model together.
    photographs.sort(([a], [b]) => compareSize(images.get(a)!, images.get(b)!));
    const usual = await measuredMilliseconds(cluster, modelSha256);
    const conditions = ofModel.length / Math.max(1, photographs.length);
    const size = chooseChunkSize(usual === null ? null : usual * conditions);
    for (let start = 0; start < photographs.length; start += size * chunksTogether) {
      const group = photographs.slice(start, start + size * chunksTogether);
      for (const [sha256] of group) {
        const image = images.get(sha256)!;
        if (!files.has(sha256)) files.set(sha256, await putPhotograph(library, storage, image));
      }
      const made: NewChunk[] = [];
      for (let at = 0; at < group.length; at += size)
        made.push(makeChunk(stored, modelSha256, group.slice(at, at + size), files));
      if (!(await chunks.add(made)))
        return { ordered, chunks: added, photographs: files.size, isWhole: false };
      ordered += made.reduce((sum, { contentKeys }) => sum + contentKeys.length, 0);
      added += made.length;
    }
  }
  return { ordered, chunks: added, photographs: files.size, isWhole: true };
}

function imagesOf(library: Library, cells: readonly PlannedCell[]): Map<string, LibraryImage> {
  const images = new Map<string, LibraryImage>();
  const wanted = new Set(cells.map(({ photograph }) => photograph));
  for (const sha256 of wanted) {
    const image = library.images.findBySha256(sha256);
    if (image !== undefined) images.set(sha256, image);
  }
  if (images.size > 0) return images;
  throw new FundusLensError('input.invalid', 'None of the missing photographs is in this library.', {
    expected: `${wanted.size} photographs by their SHA-256`,
    advice: 'Import them again, then run the experiment.',
  });
}

/** What all chunks need beside their photographs. */
async function putShared(
  library: Library,
  storage: ObjectStorage,
  stored: StoredExperiment,
  cells: readonly PlannedCell[],
): Promise<void> {
  const { set } = library.conceptSets.get(stored.conceptSetId);
  await storage.write(Buffer.from(canonicalJson(set)));
  const lenses = new Set(cells.flatMap(({ request }) => fittedOf(request.lens)?.which ?? []));
  for (const sha256 of lenses) {
    const lens = library.lenses.findBySha256(sha256);
    if (lens !== undefined && !(await storage.has(sha256)))
      await storage.writeFile(library.lenses.file(lens));
  }
}

/** @returns the SHA-256 of the file that the engine will read */
async function putPhotograph(library: Library, storage: ObjectStorage, image: LibraryImage): Promise<string> {
  const isOriginal = image.renderingPath === null;
  if (isOriginal && (await storage.has(image.sha256))) return image.sha256;
  const sha256 = await storage.writeFile(library.images.readableFile(image));
  if (!isOriginal || sha256 === image.sha256) return sha256;
  throw new FundusLensError('image.unreadable', 'The image file has changed since it was imported.', {
    expected: `the content that was imported, SHA-256 ${image.sha256}`,
    found: sha256,
    advice: 'Import the file again.',
  });
}

function makeChunk(
  stored: StoredExperiment,
  modelSha256: string,
  photographs: readonly (readonly [string, readonly PlannedCell[]])[],
  files: ReadonlyMap<string, string>,
): NewChunk {
  const conditions = new Map<number, Chunk['conditions'][number]>();
  for (const [, cells] of photographs)
    for (const { condition, request } of cells) conditions.set(condition, conditionOf(request));
  const indices = [...conditions.keys()];
  return {
    chunk: {
      schema: 'fundus-lens.chunk/1',
      planSha256: stored.planSha256,
      modelSha256,
      conceptSetSha256: photographs[0]![1][0]!.request.conceptSetSha256,
      conditions: [...conditions.values()],
      photographs: photographs.map(([sha256, cells]) => ({
        sha256,
        file: files.get(sha256)!,
        conditions: cells.map(({ condition }) => indices.indexOf(condition)),
      })),
    },
    contentKeys: photographs.flatMap(([, cells]) => cells.map(({ contentKey }) => contentKey)),
  };
}

function compareSize(a: LibraryImage, b: LibraryImage): number {
  return a.width - b.width || a.height - b.height || (a.sha256 < b.sha256 ? -1 : 1);
}
