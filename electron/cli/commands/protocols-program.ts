import { Option } from 'commander';
import type { Command } from 'commander';
import { protocolFormats } from '../../contract/protocols/protocols.ts';
import { protocolLanguages } from '../../protocol/schema-format.ts';
import { readNumber, readNumbers } from '../terminal/read-number.ts';
import {
  runProtocolAgreement,
  runProtocolExport,
  runProtocolFields,
  runProtocolSet,
  runProtocolShow,
} from './protocols-command.ts';
import type { ProtocolExportOptions, ProtocolOptions, ProtocolSetOptions } from './protocols-command.ts';

const examples = `
Examples:
  fundus-lens protocols fields disc
      What can be entered about the optic disc.
  fundus-lens protocols set 12 disc.colour=pink disc.cup-disc-ratio=0.3 --observer Ivanova
      Two values for image 12; the version before is kept.
  fundus-lens protocols set 12 disc.colour= --normal macula
      The colour is "not assessed" again; what is open of the macula is normal.
  fundus-lens protocols show 12 --language ru
      The text of every observer, in Russian.
  fundus-lens protocols export --group Study --format csv -o protocols.csv`;

/** Adds the commands that enter, read and export description protocols. */
export function addProtocolsCommands(program: Command): void {
  const end = async (running: Promise<number>) => {
    process.exitCode = await running;
  };
  const protocols = program
    .command('protocols')
    .summary('describe images, and read descriptions')
    .description('Enter, read and export description protocols of photographs.')
    .addHelpText('after', examples);
  const add = (name: string, description: string) =>
    protocols
      .command(name)
      .description(description)
      .option('-l, --library <folder>', "library; without it, the app's own");
  const language = () =>
    new Option('--language <code>', 'language of the text').choices(protocolLanguages).default('en');

  protocols
    .command('fields')
    .description('List what can be entered, and the values of each field.')
    .argument('[group]', 'only this group')
    .addOption(language())
    .action((group: string | undefined, options: ProtocolOptions) => runProtocolFields(group, options));
  add('show', 'Print the text of the protocols of an image.')
    .argument('<image>', 'number of the image, as `list` shows it', readNumber(1))
    .option('--observer <name>', 'only this observer')
    .addOption(language())
    .option('--json', 'print the protocols as JSON')
    .action((image: number, options: ProtocolOptions) => end(runProtocolShow(image, options)));
  add('set', 'Enter values, and print the text that they give. FIELD= enters "not assessed".')
    .argument('<image>', 'number of the image, as `list` shows it', readNumber(1))
    .argument('[field=value...]', 'values, such as disc.colour=pink')
    .option('--normal <group...>', 'enter the normal value in every open field of these groups')
    .option('--observer <name>', 'who describes the image', '')
    .addOption(language())
    .action((image: number, values: string[], options: ProtocolSetOptions) =>
      end(runProtocolSet(image, values, options)),
    );
  add('export', 'Write protocols to a file.')
    .requiredOption('-o, --out <file>', 'file to write')
    .option('--images <ids>', 'numbers of images, such as 1,2,5-9', readNumbers(1))
    .option('--group <name>', 'all images of this group')
    .option('--observer <name>', 'only this observer')
    .addOption(new Option('--format <name>', 'format').choices(protocolFormats).makeOptionMandatory())
    .addOption(language())
    .option('--overwrite', 'replace the file when it exists')
    .action((options: ProtocolExportOptions) => end(runProtocolExport(options)));
  add('agreement', 'Say how far two observers agree over the images of a group.')
    .argument('<group>', 'name of the group')
    .argument('<first>', 'an observer')
    .argument('<second>', 'another observer')
    .option('--json', 'print JSON')
    .action((group: string, first: string, second: string, options: ProtocolOptions) =>
      end(runProtocolAgreement(group, [first, second], options)),
    );
}
