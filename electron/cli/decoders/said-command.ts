import type { SaidRow } from '../../contract/protocols/said.ts';
import type { LibraryOptions } from '../commands/library-context.ts';
import { withLibrary } from '../commands/library-context.ts';
import { toFilter, type ListCommandOptions } from '../commands/list-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';
import { findDecoder, follow, showEstimate } from './decoder-tools.ts';

type ImageOptions = Omit<ListCommandOptions, 'limit' | 'json'> & LibraryOptions;

export interface AskCommandOptions extends ImageOptions {
  readonly questions?: string[] | undefined;
}

export interface SaidCommandOptions extends ImageOptions {
  readonly json?: boolean | undefined;
}

/** Asks a decoder's model the protocol's questions about images, those that were not asked yet. @returns the exit code */
export function runAsk(which: string, { questions, ...options }: AskCommandOptions): Promise<number> {
  return withLibrary(options, { runQueue: true }, async (tools) => {
    const { id: decoderId } = await findDecoder(tools.client, which);
    const images = { filter: await toFilter(tools, [], options) };
    const { tasks, ready } = await tools.client.decoders.ask({
      ...{ decoderId, images },
      ...(questions === undefined ? {} : { questions }),
    });
    const { exitCode, done } = await follow(tools, tasks);
    await print(`answers about ${done + ready} of ${tasks.length + ready} images; ${ready} of them before\n`);
    return exitCode;
  });
}

/** Prints what is encoded beside what the model says, question by question. @returns the exit code */
export function runSaid(which: string, { json, ...options }: SaidCommandOptions): Promise<number> {
  return withLibrary(options, {}, async (tools) => {
    const { id: decoderId } = await findDecoder(tools.client, which);
    const images = { filter: await toFilter(tools, [], options) };
    const table = await tools.client.decoders.said({ decoderId, images });
    if (json === true) {
      await print(`${JSON.stringify(table, null, 2)}\n`);
      return exitCodes.done;
    }
    const head = ['question', 'images', 'present', 'encoded', 'said, English', 'said, Russian', 'verdict'];
    const rows = table.rows.map((row) => [
      row.question,
      String(row.images),
      String(row.positives),
      row.chosen === null ? '–' : showEstimate(row.chosen.score),
      lastAnswer(row, 'en'),
      lastAnswer(row, 'ru'),
      row.verdict,
    ]);
    const missing =
      table.missing === 0 ? '' : `${table.missing} of ${table.images} images were not asked about.\n`;
    await print(
      rows.length === 0 ? 'No image of these has a label.\n' : `${drawTable(head, rows, 24)}${missing}`,
    );
    return exitCodes.done;
  });
}

function lastAnswer({ answers }: SaidRow, wanted: 'en' | 'ru'): string {
  const last = answers.find(({ language }) => language === wanted)?.points.at(-1);
  return last === undefined ? '–' : showEstimate(last.score);
}
