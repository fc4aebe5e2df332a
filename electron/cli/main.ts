#!/usr/bin/env node
import { CommanderError } from 'commander';
import { packageFolder } from '../bundled/bundled-path.ts';
import { describeError, exitCodeOf, exitCodes } from './exit-codes.ts';
import { runInspect } from './commands/inspect-command.ts';
import { buildProgram } from './program.ts';
import { runTrace } from './commands/trace-command.ts';

returnToCallersFolder();
// Whoever reads our output may stop reading (`… | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const program = buildProgram({
  trace: async (images, options) => {
    process.exitCode = await runTrace(images, options);
  },
  inspect: async (modelDir, options) => {
    process.exitCode = await runInspect(modelDir, options);
  },
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.badInput;
  } else {
    process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

/** `npm run` starts us in the package's folder; paths are meant relative to where it was called. */
function returnToCallersFolder(): void {
  const { INIT_CWD: callersFolder, npm_lifecycle_event: npmScript } = process.env;
  if (callersFolder !== undefined && npmScript !== undefined && process.cwd() === packageFolder) {
    process.chdir(callersFolder);
  }
}
