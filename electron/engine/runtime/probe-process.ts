/** Entry of a process that tries one provider and reports to its parent. Usage: probe-process PROVIDER [blocks] */

import type { ProviderName } from '../lens-trace/lens-trace.ts';
import { probeProvider } from './provider-probe.ts';

const [provider, blocks] = process.argv.slice(2);
const probe = await probeProvider(provider as ProviderName, blocks === 'blocks');
process.send?.(probe, () => process.exit(0));
