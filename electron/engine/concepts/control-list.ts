import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';

const listSchema = z.object({
  controls: z.array(z.object({ file: z.string(), shows: z.array(z.string()).default([]) })),
});

const listName = 'controls.json';

/**
 * What control images show, by the `controls.json` beside them: ids of concepts that the picture is no control for.
 *
 * @returns by path that was asked for; nothing for pictures that no list names
 * @throws FundusLensError `input.invalid` when a list is there and cannot be read
 */
export function readShown(imagePaths: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const shown = new Map<string, readonly string[]>();
  for (const [folder, paths] of Map.groupBy(imagePaths, (file) => path.dirname(file))) {
    const list = readList(path.join(folder, listName));
    for (const file of paths) {
      const entry = list.find((candidate) => candidate.file === path.basename(file));
      if (entry !== undefined) shown.set(file, entry.shows);
    }
  }
  return shown;
}

function readList(file: string): z.infer<typeof listSchema>['controls'] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  try {
    return listSchema.parse(JSON.parse(text)).controls;
  } catch (cause) {
    throw new FundusLensError('input.invalid', `${file} does not say what the control images show.`, {
      expected: '{ "controls": [{ "file": "oct.jpg", "shows": ["retina"] }, …] }',
      found: cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause),
      advice: 'Correct the file, or remove it: then every picture counts as a control for every concept.',
      cause,
    });
  }
}
