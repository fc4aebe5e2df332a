import type { Command } from 'commander';
import { readNumber } from '../terminal/read-number.ts';
import { runGroups, runGroupStatistics } from './groups-command.ts';
import type { GroupsOptions, GroupStatisticsOptions } from './groups-command.ts';

const examples = `
Examples:
  fundus-lens groups list
      The groups of the library, and how many of their images are traced.
  fundus-lens groups statistics Diabetic
      From which layer on each concept is readable, over the patients of a group.
  fundus-lens groups statistics Diabetic --control Healthy -o concepts.csv
      The same beside a second group, with corrected p-values, in a table.
  fundus-lens groups statistics Diabetic --concept retina --json
      All numbers, with the mean curve of one concept.`;

/** Adds the commands that read groups of images. */
export function addGroupsCommands(program: Command): void {
  const end = async (running: Promise<number>) => {
    process.exitCode = await running;
  };
  const groups = program
    .command('groups')
    .summary('what traces say of a group')
    .description('List groups of images, and what their traces say of concepts.')
    .addHelpText('after', examples);
  const add = (name: string, description: string) =>
    groups
      .command(name)
      .description(description)
      .option('-l, --library <folder>', "library; without it, the app's own");

  add('list', 'List groups, and how many of their images each model has traced.')
    .option('--json', 'print JSON')
    .action((options: GroupsOptions) => end(runGroups(options)));
  add('statistics', 'Say from which layer on concepts are readable over the patients of a group.')
    .argument('<group>', 'name of the group')
    .option('--control <group>', 'a second group to compare with')
    .option('-m, --model <name>', 'model that made the traces; without it, that of the newest')
    .option('-p, --prompt <text>', 'prompt of the traces; without it, the most frequent')
    .option('--any-prompt', 'take the newest trace of each image, whatever the prompt')
    .option('-c, --concepts <set>', 'concept set; without it, that of the newest trace')
    .option('--concept <id>', 'whose mean curve is printed; without it, the first of the set')
    .option('--samples <n>', 'bootstrap samples and permutations', readNumber(100, 20_000), 2000)
    .option('-o, --out <file>', 'write into a file, .csv or .json')
    .option('--overwrite', 'replace the file when it exists')
    .option('--json', 'print JSON')
    .action((group: string, options: GroupStatisticsOptions) => end(runGroupStatistics(group, options)));
}
