import type { ExperimentResults } from '../../../contract/experiments.ts';
import type { Library } from '../../../store/library/library.ts';
import { compareSaid } from '../../decoders/said.ts';

/**
 * What is read inside the experiment's models beside what they answer, of photographs whose labels are known: as much of it
 * as the library's decoders have measured.
 */
export async function readSaid(
  library: Library,
  modelSha256s: readonly string[],
  imageIds: readonly number[],
): Promise<ExperimentResults['said']> {
  if (imageIds.length === 0) return [];
  const said: ExperimentResults['said'] = [];
  for (const { id, name, modelSha256 } of library.decoders.list()) {
    if (!modelSha256s.includes(modelSha256)) continue;
    const { rows } = await compareSaid(library, id, { ids: [...imageIds] });
    const known = rows.filter(({ images }) => images > 0);
    if (known.length === 0) continue;
    said.push({
      decoderId: id,
      decoder: name,
      rows: known.map(({ text, images, positives, verdict, probe, answers }) => ({
        ...{ question: text, images, positives, verdict },
        encoded: highest(probe.map(({ score }) => score.value)),
        said: highest(answers.map(({ points }) => points.at(-1)?.score.value ?? null)),
      })),
    });
  }
  return said;
}

function highest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
