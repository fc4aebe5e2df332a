import { FundusLensError } from '../contract/errors.ts';
import { readOptions, startServer } from './start.ts';

/**
 * The program of the browser face: reads its command line, serves until it is ended, and says in words what is wrong.
 *
 * @param argv           what follows the program's name
 * @param rendererFolder the built renderer
 * @param prepare        run between reading the options and opening the library
 */
export async function runServer(
  argv: readonly string[],
  rendererFolder: string,
  prepare: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  try {
    const options = readOptions(argv);
    await prepare();
    await startServer({ ...options, rendererFolder });
  } catch (error) {
    const isPortTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    const text = isPortTaken
      ? 'The port is taken, perhaps by Fundus Lens itself: choose another with --port, or --port 0 for any free one.'
      : error instanceof FundusLensError
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error);
    process.stderr.write(`fundus-lens: ${text}\n`);
    process.exitCode = 1;
  }
}
