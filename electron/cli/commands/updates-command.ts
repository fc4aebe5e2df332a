import path from 'node:path';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions } from './library-context.ts';

interface CheckOptions extends LibraryOptions {
  readonly enable?: boolean | undefined;
  readonly disable?: boolean | undefined;
  /** Whom to ask, remembered; `default` for what the build names. */
  readonly address?: string | undefined;
}

const notes = `
Nothing is asked until this is switched on, and nothing while the software is
offline (fundus-lens models hub --online). A new version is never installed by
itself.

Examples:
  fundus-lens updates check --enable
      Switch it on, and ask.
  fundus-lens updates verify fundus-lens-0.2.0-linux-x64.tar.gz
      Compare a downloaded file with what its release says of it.`;

/** Adds the commands that tell of new versions. */
export function addUpdatesCommands(program: Command): void {
  const end = async (running: Promise<number>) => {
    process.exitCode = await running;
  };
  const updates = program
    .command('updates')
    .summary('ask for a new version; check a downloaded one')
    .description('New versions of the software.')
    .addHelpText('after', notes);
  const add = (name: string, summary: string, description: string) =>
    updates
      .command(name)
      .summary(summary)
      .description(description)
      .option('-l, --library <folder>', "library whose settings count; without it, the app's own");
  add('check', 'ask for a new version', 'Tell whether there is a newer version; off at first.')
    .option('--enable', 'switch it on for this computer')
    .option('--disable', 'switch it off, and ask nothing')
    .option('--address <address>', 'whom to ask, remembered; "default" for what the build names')
    .action((options: CheckOptions) => end(runCheck(options)));
  add('verify', 'check a downloaded file', 'Compare a file with the SHA-512 that its release states.')
    .argument('<file>', 'as it was downloaded, under its own name')
    .action((file: string, options: LibraryOptions) => end(runVerify(file, options)));
}

function runCheck({ enable, disable, address, ...options }: CheckOptions): Promise<number> {
  return withLibrary(options, { create: true }, async ({ client }) => {
    await client.settings.patch({
      updates: {
        ...(address === undefined ? {} : { address: address === 'default' ? null : address }),
        ...(enable === true ? { enabled: true } : {}),
        ...(disable === true ? { enabled: false } : {}),
      },
    });
    if (disable === true) {
      await print('Nothing is asked for new versions.\n');
      return exitCodes.done;
    }
    const { current, newest, isNewer, page } = await client.updates.check();
    await print(
      isNewer
        ? `Version ${newest} is out; this is ${current}.${page === null ? '' : ` ${page}`}\n`
        : `This is version ${current}, and there is none newer.\n`,
    );
    return exitCodes.done;
  });
}

function runVerify(file: string, options: LibraryOptions): Promise<number> {
  return withLibrary(options, { create: true }, async ({ client }) => {
    const { name, version, sha512 } = await client.updates.verify({ path: path.resolve(file) });
    await print(`${name} is what the release ${version} says it is.\nSHA-512 ${sha512}\n`);
    return exitCodes.done;
  });
}
