import { Option } from 'commander';
import type { Command } from 'commander';
import { providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { addChoice } from '../commands/library-program.ts';
import { readNumber } from '../terminal/read-number.ts';
import { runCausalCheck } from './causal-check-command.ts';
import type { CausalCheckOptions } from './causal-check-command.ts';

const examples = `
Examples:
  fundus-lens causal-check --value OD --prompt "Which eye is this?"
      --a Right --b Left -o eye.jsonl
      Pairs of a right and a left eye of two patients; the same command goes on
      after an interruption.
  fundus-lens causal-check --label derived.referable --prompt "Is retinopathy referable?"
      --a Yes --b No --region 20,20,80,80
      With as many image tokens outside the region as control.

States of image tokens are exchanged between two photographs before each block,
both ways. "Uses" is said only where at least 20 pairs of patients show it in the
region both ways, beyond as many other tokens, and pairs of one label do not.`;

/** Adds the check whether what can be read inside a model is used by it. */
export function addCausalCheckCommand(program: Command): void {
  addChoice(
    program
      .command('causal-check')
      .summary('ask whether a model uses what can be read in it')
      .description('Exchange states between pairs of photographs and see how far the answer moves.')
      .option('-l, --library <folder>', "library; without it, the app's own"),
  )
    .option('-m, --model <folder>', 'model; without it, the bundled one')
    .requiredOption('-p, --prompt <text>', 'what the model is asked')
    .requiredOption('--a <text...>', 'how an answer begins where the label has its value A')
    .requiredOption('--b <text...>', 'how it begins where it has the other')
    .option('--label <field>', 'what photographs are paired by', 'header.eye')
    .option('--value <value>', 'the label’s value A; its second when left out, such as yes')
    .option('--region <l,t,r,b>', 'where the finding is, per cent of width and height')
    .option('--pairs <n>', 'pairs of either kind at most', readNumber(1, 1000), 40)
    .option('--window <n>', 'blocks of one attention knockout; 0 for none', readNumber(0, 100), 0)
    .option('--seed <n>', 'of everything that is drawn', readNumber(0), 1)
    .option('-o, --out <file>', 'keep every pair, a line of JSON each, and go on from them')
    .option('--json', 'print JSON')
    .addOption(new Option('--provider <name>', 'where the model runs').choices(['auto', ...providerNames]))
    .addHelpText('after', examples)
    .action(async (options: CausalCheckOptions) => {
      process.exitCode = await runCausalCheck(options);
    });
}
