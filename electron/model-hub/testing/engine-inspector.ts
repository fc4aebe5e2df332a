/** The engine as the judge of checkpoints, for tests. */

import type { CheckpointReport } from '../../contract/models/checkpoint-report.ts';
import { EngineClient } from '../../engine/process/engine-client.ts';
import type { Inspector } from '../inspector.ts';

export interface TestInspector extends Inspector {
  close(): Promise<void>;
}

/** One engine process for all tests of a file. */
export function startInspector(): TestInspector {
  const client = new EngineClient();
  return {
    outline: (folder, signal) => client.outline(folder, { signal }),
    inspect: (folder, signal, onProgress): Promise<CheckpointReport> =>
      client.inspect(folder, { signal, onProgress: ({ done, total }) => onProgress(done, total) }),
    close: () => client.close(),
  };
}
