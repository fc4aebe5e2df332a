/** Entry of a process that tries one provider and reports to its parent. Usage: probe-process PROVIDER [blocks] */

import type { ProviderName } from '../lens-trace/lens-trace.ts';
import { probeProvider } from './provider-probe.ts';

const [provider, blocks] = process.argv.slice(2);
const probe = await probeProvider(provider as ProviderName, blocks === 'blocks');
const { parentPort } = process as unknown as {
  readonly parentPort?: { postMessage(message: unknown): void } | null;
};
// A utility process of Electron is ended by its parent, once the report is there.
if (parentPort) parentPort.postMessage(probe);
else process.send?.(probe, () => process.exit(0));
