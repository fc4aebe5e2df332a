#!/usr/bin/env node
import { join } from 'node:path';
import { runServer } from './run-server.ts';

/** Entry of the browser face in a build, beside which the built renderer lies. */
await runServer(process.argv.slice(2), join(import.meta.dirname, '../renderer'));
