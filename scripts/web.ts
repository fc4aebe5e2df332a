import { FundusLensError } from '../electron/contract/errors.ts';
import { readOptions, startServer } from '../electron/server/start.ts';
import { ensureRenderer, rendererFolder } from './build-renderer.ts';

/** `npm run web`: builds the interface when needed, then serves the app to a browser of this computer. */
try {
  const options = readOptions(process.argv.slice(2));
  await ensureRenderer();
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
