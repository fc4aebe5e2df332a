import { Argument } from 'commander';
import type { Command } from 'commander';
import { runInstallCuda, runListProviders, runRemoveCuda } from './providers-command.ts';
import type { InstallOptions } from './providers-command.ts';
import type { LibraryOptions } from '../library-context.ts';

const notes = `
The CUDA library is a download of some hundred megabytes that nobody gets without
asking; it exists for Linux on x64. It also needs an NVIDIA driver, CUDA 12 and
cuDNN 9, which you install yourself. Without it NVIDIA cards work through webgpu.

Examples:
  fundus-lens providers list
      What this computer can compute with, and why not with the rest.
  fundus-lens models hub --online
      Allow the network; the software asks for nothing until this is said.
  fundus-lens providers install cuda
      Fetch the library, compare its hash, and try it.
  fundus-lens providers install cuda --from microsoft.ml.onnxruntime.gpu.linux.nupkg
      Take a package that was brought here from another computer.`;

/** Adds the commands that tell what this computer can compute with. */
export function addProvidersCommands(program: Command): void {
  const end = async (running: Promise<number>) => {
    process.exitCode = await running;
  };
  const providers = program
    .command('providers')
    .summary('list what can be computed with; install or remove CUDA')
    .description('What this computer can compute with.')
    .addHelpText('after', notes);
  const add = (name: string, summary: string, description: string) =>
    providers
      .command(name)
      .summary(summary)
      .description(description)
      .option('-l, --library <folder>', "library whose settings count; without it, the app's own");
  const library = () => new Argument('<library>', 'which one').choices(['cuda']);

  add('list', 'list the providers', 'Try every provider and tell its device, or why it does not work here.')
    .option('--json', 'print JSON')
    .action((options: Parameters<typeof runListProviders>[0]) => end(runListProviders(options)));

  add(
    'install',
    'install the CUDA library',
    "Fetch the CUDA library of the installed ONNX Runtime's version, compare its hash, put it in place and try it.",
  )
    .addArgument(library())
    .option('--from <file>', 'take this package (.nupkg) and use no network')
    .option('--sha512 <hash>', 'what the package of --from must be, hexadecimal or base64')
    .option('--feed <address>', 'address of another NuGet feed, remembered; "default" for nuget.org')
    .action((_: 'cuda', options: InstallOptions) => end(runInstallCuda(options)));

  add('remove', 'remove the CUDA library', 'Take away the CUDA library that was installed here.')
    .addArgument(library())
    .action((_: 'cuda', options: LibraryOptions) => end(runRemoveCuda(options)));
}
