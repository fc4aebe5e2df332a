import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { findAppFolders } from '../shell/app-folders.ts';
import { openLog } from '../shell/log.ts';
import { createWorkbench } from '../workbench/open-workbench.ts';
import { isLoopback } from './access.ts';
import { startBrowserFace } from './browser-face.ts';
import { writeRedirect } from './redirect-file.ts';

export interface StartOptions {
  readonly rendererFolder: string;
  readonly library?: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Whether the system's browser is shown the address. */
  readonly open: boolean;
}

/** Reads the command line of `npm run web`. */
export function readOptions(argv: readonly string[]): Omit<StartOptions, 'rendererFolder'> {
  const program = new Command('fundus-lens-web')
    .description('Fundus Lens in a browser, served by this computer for itself.')
    .option('--library <folder>', 'library to open; without it, the one of the settings')
    .option('--port <number>', 'port to listen at; 0 takes any free one', readPort, 4417)
    .option(
      '--host <address>',
      'address to listen at; any other than 127.0.0.1 lets the network in',
      '127.0.0.1',
    )
    .option('--no-open', 'print the address and open no browser');
  return program.parse([...argv], { from: 'user' }).opts();
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('It must be 0…65535.');
  return port;
}

/**
 * Opens the library, serves it, says where, and ends in good order at Ctrl+C: the running task goes back to the queue, engines end,
 * the library is closed.
 */
export async function startServer({
  rendererFolder,
  library,
  host,
  port,
  open,
}: StartOptions): Promise<void> {
  const folders = findAppFolders(library);
  const log = openLog(folders.logs);
  const workbench = await createWorkbench({
    libraryFolder: folders.library,
    cacheFolder: folders.cache,
    modelsFolder: folders.models,
    librariesFolder: folders.libraries,
    settingsFile: folders.settingsFile,
    logFolder: folders.logs,
    // A page saves through the browser; what it may have written on this computer is narrower.
    exportFolders: [join(homedir(), 'Downloads')],
    log,
  });
  const face = await startBrowserFace({
    router: workbench.router,
    openMedia: (id, view) => workbench.openMedia(id, view),
    rendererFolder,
    temporaryFolder: join(folders.library, 'temporary'),
    log,
    host,
    port,
    onNewAddress: (url) => process.stdout.write(`Browsers that are in stay; others now take ${url}\n`),
  }).catch(async (error: unknown) => {
    await workbench.close();
    throw error;
  });
  log.info('started', { port: face.port });

  let closing = false;
  let redirectFolder: string | null = null;
  const close = async () => {
    // A second Ctrl+C does not wait.
    if (closing) process.exit(130);
    closing = true;
    process.stdout.write('\nClosing …\n');
    await face.close();
    await workbench.close();
    if (redirectFolder !== null) rmSync(redirectFolder, { recursive: true, force: true });
    log.info('closed');
    // What still hangs, such as a read from a disk that does not answer, must not keep the process.
    setTimeout(() => process.exit(0), exitPatience).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void close());

  if (!isLoopback(host)) {
    process.stdout.write(
      `Warning: listening at ${host}. Whoever is in this network and has the address below sees the library, and it ` +
        'travels unencrypted. An SSH tunnel to 127.0.0.1 is safer.\n',
    );
  }
  process.stdout.write(`Fundus Lens is at ${face.url}\nIt ends with Ctrl+C.\n`);
  if (open) redirectFolder = openInBrowser(face.url);
}

/** Milliseconds after everything was closed. */
const exitPatience = 2000;

/** A computer without a screen has the printed address. */
function openInBrowser(url: string): string | null {
  const { env, platform } = process;
  if (platform === 'linux' && env['DISPLAY'] === undefined && env['WAYLAND_DISPLAY'] === undefined)
    return null;
  const file = writeRedirect(url);
  const [command, args]: [string, string[]] =
    platform === 'darwin'
      ? ['open', [file]]
      : platform === 'win32'
        ? ['rundll32', ['url.dll,FileProtocolHandler', file]]
        : ['xdg-open', [file]];
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
  return dirname(file);
}
