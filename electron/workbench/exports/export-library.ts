import type { ExportResult, ExportTarget } from '../../contract/exports.ts';
import type { Library } from '../../store/library/library.ts';
import type { Snapshot } from '../../store/library/snapshot.ts';
import { deliver } from './deliver.ts';
import { toZip } from './zip.ts';
import type { ZipEntry } from './zip.ts';

const readme = `A whole library of Fundus Lens: database, photographs and arrays; not the models.

To make a library of it again:

    fundus-lens restore THIS-FILE.zip --library NEW-FOLDER

Or unpack it into an empty folder and open that folder as a library. It holds names and photographs of patients.
`;

/** @throws FundusLensError `output.unwritable`; what `signal` was aborted with, and nothing is left behind */
export async function exportLibrary(
  library: Library,
  target: ExportTarget,
  signal?: AbortSignal,
): Promise<ExportResult & Pick<Snapshot, 'photographs' | 'missing'>> {
  const snapshot = await library.snapshot();
  try {
    const result = await deliver(target, 'library.zip', 'application/zip', toZip(entries(snapshot, signal)));
    return { ...result, photographs: snapshot.photographs, missing: snapshot.missing };
  } finally {
    await snapshot.discard();
  }
}

function* entries({ files }: Snapshot, signal?: AbortSignal): Generator<ZipEntry> {
  yield { name: 'README.txt', content: readme };
  for (const { name, file } of files) {
    signal?.throwIfAborted();
    yield { name, content: { file } };
  }
}
