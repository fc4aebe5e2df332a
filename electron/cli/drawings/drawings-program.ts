import type { Command } from 'commander';
import { readNumber } from '../terminal/read-number.ts';
import {
  runDrawingSave,
  runDrawingShow,
  type DrawingOptions,
  type DrawingSaveOptions,
} from './drawings-command.ts';

const examples = `
Examples:
  fundus-lens drawings show 12
      What every observer drew on image 12, measured in px and disc diameters.
  fundus-lens drawings show 12 --observer Ivanova --json > drawing.json
  fundus-lens drawings save 12 drawing.json --observer Petrov
      The same drawing for another observer, whose protocol takes the numbers.`;

/** Adds the commands that print and keep drawings on photographs. */
export function addDrawingsCommands(program: Command): void {
  const end = async (running: Promise<number>) => {
    process.exitCode = await running;
  };
  const drawings = program
    .command('drawings')
    .summary('what is drawn on images, and what it measures')
    .description('Print and keep drawings on photographs: disc, cup, fovea, vessels, lesions.')
    .addHelpText('after', examples);
  const add = (name: string, description: string) =>
    drawings
      .command(name)
      .description(description)
      .argument('<image>', 'number of the image, as `list` shows it', readNumber(1))
      .option('-l, --library <folder>', "library; without it, the app's own");

  add('show', 'Print what was drawn on an image, and what it measures.')
    .option('--observer <name>', 'only this observer')
    .option('--json', 'print the drawings as JSON')
    .action((image: number, options: DrawingOptions) => end(runDrawingShow(image, options)));
  add('save', 'Keep the drawing of a file as a new version.')
    .argument('<file>', 'JSON, as `show --json` prints it')
    .option('--observer <name>', 'who drew it; without it, whom the file names')
    .option('--no-protocol', "leave the observer's protocol as it is")
    .option('--replace-manual', 'also replace numbers that were entered there by hand')
    .action((image: number, file: string, options: DrawingSaveOptions) =>
      end(runDrawingSave(image, file, options)),
    );
}
