import { mkdirSync, writeSync } from 'node:fs';
import path from 'node:path';
import { fuzzTargets, isAnswer } from './targets.ts';
import { inputOf, type FuzzMessage } from './inputs.ts';

/**
 * Reads inputs one after another and says before each which it is: whoever started this process knows which one it hangs at or
 * died of.
 */
const [name, seed, first, count, scratch] = process.argv.slice(2) as [string, string, string, string, string];
const target = fuzzTargets.find((each) => each.name === name)!;
const folder = path.join(scratch, name);
mkdirSync(folder, { recursive: true });
const seeds = await target.seeds(folder);

for (let index = Number(first); index < Number(first) + Number(count); index++) {
  say({ at: index });
  const bytes = inputOf(target, seeds, Number(seed), index);
  let thrown: string | null = null;
  try {
    await target.read(bytes, folder);
  } catch (error) {
    thrown = isAnswer(error) ? null : error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  say({ at: index, peakBytes: process.resourceUsage().maxRSS * 1024, thrown });
}

function say(message: FuzzMessage): void {
  writeSync(1, `${JSON.stringify(message)}\n`);
}
