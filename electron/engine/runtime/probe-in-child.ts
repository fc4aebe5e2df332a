import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProbeEnd, ProbeOrder } from '../../contract/models/probe-order.ts';
import type { ProviderName } from '../lens-trace/lens-trace.ts';
import { vulkanLog } from './device-name.ts';
import { inheritedLibraryEnvironment } from './onnxruntime-files.ts';
import { failedProbe, type ProviderProbe } from './provider-probe.ts';

/** In the sources a process's entry is TypeScript, in a build JavaScript. */
const entry = new URL(`./probe-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
/** How long a driver may take to start, milliseconds. */
const patience = 120_000;
/** How long the process may take to end after reporting its result, milliseconds. */
const endPatience = 5000;
/** Characters kept of what the driver says; the opened device is among the last. */
const logLength = 200_000;

export interface ProbeInChildOptions {
  /** Whether to try products of rounded weights too. */
  readonly withBlocks?: boolean;
  /** The process's entry. */
  readonly script?: URL;
}

/** What a utility process of Electron has instead of Node's message channel. */
interface ParentPort {
  postMessage(message: ProbeOrder): void;
  on(event: 'message', listener: (message: { data: ProbeEnd | { readonly type: string } }) => void): void;
  off(event: 'message', listener: (message: { data: ProbeEnd | { readonly type: string } }) => void): void;
}

let lastOrder = 0;

/** In the desktop the binary that runs us is no Node, so the window's process is asked to start the trial. */
function probeThroughParent(
  port: ParentPort,
  script: string,
  args: readonly string[],
): Promise<ProviderProbe & { readonly log: string }> {
  const id = ++lastOrder;
  return new Promise((resolve) => {
    const receive = ({ data }: { data: ProbeEnd | { readonly type: string } }) => {
      if (data.type !== 'probed' || !('how' in data) || data.id !== id) return;
      port.off('message', receive);
      const probe = data.report as ProviderProbe | null;
      resolve({ ...(probe ?? failedProbe(`its trial ended with ${data.how}`)), log: data.log });
    };
    port.on('message', receive);
    const environment = { ...vulkanLog, ...inheritedLibraryEnvironment() };
    port.postMessage({ type: 'probe', id, script, args, environment });
  });
}

/**
 * Tries a provider in a process of its own, so that a driver that crashes or hangs ends that process and not this one.
 *
 * @returns what was seen, and what the driver wrote to stderr
 */
export function probeInChild(
  provider: ProviderName,
  { withBlocks = false, script = entry }: ProbeInChildOptions = {},
): Promise<ProviderProbe & { readonly log: string }> {
  const path = fileURLToPath(script);
  const args = [provider, ...(withBlocks ? ['blocks'] : [])];
  const { parentPort } = process as unknown as { readonly parentPort?: ParentPort | null };
  if (parentPort) return probeThroughParent(parentPort, path, args);
  return new Promise((resolve) => {
    const child = fork(path, args, {
      env: { ...process.env, ...vulkanLog },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
    });
    let log = '';
    let reported: ProviderProbe | null = null;
    const kill = () => child.kill('SIGKILL');
    let timer = setTimeout(kill, patience);
    const settle = (failure: string) => {
      clearTimeout(timer);
      resolve({ ...(reported ?? failedProbe(failure)), log });
    };
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-logLength);
    });
    child.once('message', (probe) => {
      reported = probe as ProviderProbe;
      clearTimeout(timer);
      timer = setTimeout(kill, endPatience);
    });
    child.once('error', (error) => settle(error.message));
    // Not `exit`: what was written to stderr may come later.
    child.once('close', (code, signal) => settle(`its trial ended with ${signal ?? `exit code ${code}`}`));
  });
}
