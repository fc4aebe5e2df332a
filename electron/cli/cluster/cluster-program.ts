import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { cancelPlan, prepareDatabase, retryChunks } from '../../workbench/cluster/administer.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { addClusterOptions, addQueueOption, requireQueue } from './cluster-options.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { showMetrics, showStatus } from './status-command.ts';
import { runWorkerCommand } from './worker-command.ts';
import type { WorkerCommandOptions } from './worker-command.ts';

const examples = `
Examples:
  fundus-lens cluster prepare --queue postgres://owner@db/lens
      Once, and after an update: tables in the database.
  fundus-lens worker --queue postgres://host1@db/lens --storage /mnt/lens --models ~/models
      On every host: compute what is ordered, until it is ended (SIGTERM
      finishes the photograph under way and gives the rest back).
  fundus-lens experiment run plan.yaml --library study --queue postgres://me@db/lens --storage /mnt/lens
      At a desk: order an experiment, wait, and take the traces home. Ended and
      called again, it goes on waiting; nothing is ordered twice.`;

/** Adds what several hosts need. */
export function addClusterCommands(program: Command): void {
  addClusterOptions(
    program
      .command('worker')
      .summary('compute experiments for others')
      .description('Compute what others order on a cluster, until SIGTERM.'),
  )
    .option('--models <folder>', 'a model, or a folder of models, beside the bundled one')
    .option('--gpus <numbers>', 'graphics cards by number, such as 0,1; one engine each', readGpus)
    .addOption(new Option('--provider <name>', 'where the model runs').choices(['auto', ...providerNames]))
    .option('--until-empty', 'end when nothing is left to take, instead of waiting')
    .addHelpText('after', examples)
    .action(async (options: WorkerCommandOptions) => {
      process.exitCode = await runWorkerCommand(options);
    });
  const cluster = program
    .command('cluster')
    .summary('look after several hosts')
    .description('Look after the database that several hosts share.')
    .addHelpText('after', examples);
  addQueueOption(
    cluster.command('prepare').description('Make the tables, or bring them to this version.'),
  ).action(async (options: ClusterOptions) => {
    const hasRoles = await prepareDatabase(requireQueue(options));
    await print('The database is ready.\n');
    if (!hasRoles) await print(`${withoutRoles}\n`);
    process.exitCode = exitCodes.done;
  });
  addQueueOption(
    cluster.command('status').description('Tell who works, how fast, what is left and what failed.'),
  )
    .option('--json', 'as JSON')
    .action(async ({ json = false, ...options }: ClusterOptions & { json?: boolean }) => {
      process.exitCode = await showStatus(requireQueue(options), json);
    });
  addQueueOption(
    cluster.command('metrics').description('Print the same for Prometheus, or answer it on a port.'),
  )
    .option(
      '--listen <address>',
      'answer http://ADDRESS/metrics until it is ended, such as 127.0.0.1:9464',
      readAddress,
    )
    .action(async ({ listen, ...options }: ClusterOptions & { listen?: { host: string; port: number } }) => {
      process.exitCode = await showMetrics(requireQueue(options), listen ?? null);
    });
  addQueueOption(
    cluster
      .command('retry')
      .description('Let hosts take again the chunks that were taken too often without an end.'),
  ).action(async (options: ClusterOptions) => {
    await print(`${await retryChunks(requireQueue(options))} chunks\n`);
  });
  addQueueOption(
    cluster
      .command('cancel')
      .description(
        'Take what was not computed of an experiment out of the queue; hosts that compute it stop.',
      )
      .argument('<plan>', 'SHA-256 of its plan, or the beginning of it'),
  ).action(async (plan: string, options: ClusterOptions) => {
    await print(`${await cancelPlan(requireQueue(options), plan)} traces will not be computed\n`);
  });
}

const withoutRoles = `The roles fundus_lens_worker, fundus_lens_desk and fundus_lens_reader were not made: the role of this address may not.
An administrator makes them (CREATE ROLE … NOLOGIN), then this command grants them what they need.`;

function readAddress(text: string): { host: string; port: number } {
  const [, host = '127.0.0.1', port = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  if (port !== '' && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new InvalidArgumentError('Expected a port, or HOST:PORT.');
}

function readGpus(text: string): string[] {
  const gpus = text.split(',').map((each) => each.trim());
  if (gpus.every((each) => /^\d{1,3}$/.test(each)) && new Set(gpus).size === gpus.length) return gpus;
  throw new InvalidArgumentError('Expected numbers such as 0,1.');
}
