import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProviderName } from '../../common/lens-trace.ts';
import type { ProviderProbe } from './provider-probe.ts';

/** In the sources a process's entry is TypeScript, in a build JavaScript. */
const entry = new URL(`./probe-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
/** How long a driver may take to start, milliseconds. */
const patience = 120_000;

/**
 * Tries a provider in a process of its own, so that a driver that crashes or hangs ends that process and not this one.
 *
 * @param script the process's entry
 */
export function probeInChild(provider: ProviderName, script: URL = entry): Promise<ProviderProbe> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(script), [provider], {
      // Electron's own binary is Node only when told so.
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), patience);
    const settle = (probe: ProviderProbe) => {
      clearTimeout(timer);
      resolve(probe);
    };
    const failed = (failure: string) => settle({ failure, fusedAttention: false });
    child.once('message', (probe) => settle(probe as ProviderProbe));
    child.once('error', (error) => failed(error.message));
    child.once('exit', (code, signal) => failed(`its trial ended with ${signal ?? `exit code ${code}`}`));
  });
}
