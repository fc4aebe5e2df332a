/** Entry of a process that tries one provider and tells its parent. Usage: probe-process PROVIDER */

import type { ProviderName } from '../../common/lens-trace.ts';
import { probeProvider } from './provider-probe.ts';

process.send?.(await probeProvider(process.argv[2] as ProviderName), () => process.exit(0));
