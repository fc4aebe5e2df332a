import { runServer } from '../electron/server/run-server.ts';
import { ensureRenderer, rendererFolder } from './build-renderer.ts';

/** `npm run web`: builds the interface when needed, then serves the app to a browser of this computer. */
await runServer(process.argv.slice(2), rendererFolder, ensureRenderer);
