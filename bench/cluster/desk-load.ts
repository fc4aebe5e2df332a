import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { builtInConceptSets } from '../../electron/bundled/concept-sets.ts';
import { sha256Of } from '../../electron/cluster/testing/chunks.ts';
import { FolderStorage } from '../../electron/cluster/storage/folder-storage.ts';
import { EngineClient } from '../../electron/engine/process/engine-client.ts';
import { openLibrary } from '../../electron/store/library/library.ts';
import { packObject, unpackObject } from '../../electron/workbench/cluster/trace-object.ts';
import { toEngineRequest } from '../../electron/workbench/models/engine-request.ts';
import { findModel, findSampleImage } from '../../electron/workbench/traces/bundled-defaults.ts';

const together = 50;

/**
 * What the desk does for a trace beside the queue: taking a trace out of the storage into a library, as `cluster.collect`
 * does, and its bytes.
 *
 * @param traces the same trace under so many keys
 */
export async function measureDesk(traces: number): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-desk-'));
  const engine = new EngineClient();
  try {
    const conceptSet = builtInConceptSets[0]!;
    const trace = await engine.trace(
      toEngineRequest(
        { modelDir: findModel(undefined), imagePath: findSampleImage(), conceptSet, lens: 'logit' },
        { prompt: 'What part of the body is shown? Answer with one word.', generate: 0 },
        { controlCache: path.join(folder, 'controls') },
      ),
    );
    const storage = await FolderStorage.open(path.join(folder, 'storage'));
    const packed = await packObject(trace);
    const object = await storage.write(packed);
    const library = await openLibrary(path.join(folder, 'library'), { actor: 'bench', create: true });
    const started = performance.now();
    for (let at = 0; at < traces; at += together) {
      const read = await Promise.all(
        Array.from({ length: together }, async () => unpackObject(await storage.read(object))),
      );
      library.transaction(() => {
        for (const [index, each] of read.entries())
          library.traces.insert(each, { imageId: null, contentKey: sha256Of(`${at + index}`), conceptSet });
      });
    }
    const milliseconds = performance.now() - started;
    library.close();
    return `one trace of the bundled model in the storage: ${(packed.byteLength / 1000).toFixed(0)} kB; taken home: ${(milliseconds / traces).toFixed(1)} ms each (${traces} of them)`;
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
