import type { CudaLibrary, ProviderStatus, ProvidersView } from '../../../contract/models/providers.ts';
import { showBytes } from './models-picture.ts';
import { wrap } from '../../terminal/text-cells.ts';
import { drawTable } from '../../terminal/text-table.ts';

const width = 80;

/** Every provider with its device, what does not work and why, and what there is of the CUDA library. */
export function drawProviders({ providers, runtime, cuda }: ProvidersView): string {
  const rows = providers.map(({ provider, works, device, deviceMemoryBytes }) => [
    provider,
    works ? 'works' : 'does not work',
    deviceMemoryBytes === null ? '' : showBytes(deviceMemoryBytes),
    device ?? '',
  ]);
  const remarks = providers
    .flatMap((status) => remarksOn(status))
    .map((text) => wrap(`· ${text}`, width, '  '));
  const chosen = providers.find(({ works, software }) => works && !software);
  return [
    drawTable(['provider', '', 'memory', 'device'], rows).trimEnd(),
    ...(chosen === undefined ? [] : [`Automatic takes ${chosen.provider}.`]),
    ...remarks,
    wrap(`CUDA library: ${describeLibrary(cuda, runtime.version)}`, width, '  '),
    '',
  ].join('\n');
}

function remarksOn(status: ProviderStatus): string[] {
  const { provider, works, failure, software, fusedAttention, blockFailure } = status;
  if (!works) return [`${provider}: ${failure ?? 'unknown'}`];
  return [
    ...(software ? [`${provider}: its device is a program on the processor; taken only when asked for`] : []),
    ...(fusedAttention
      ? []
      : [`${provider}: its own attention gives wrong numbers here; it is composed of products instead`]),
    ...(blockFailure === null ? [] : [`${provider}: not used for weights of 4 or 8 bits: ${blockFailure}`]),
  ];
}

function describeLibrary({ unsupported, installed, feed, offline }: CudaLibrary, version: string): string {
  if (unsupported !== null) return `none for ${unsupported.found ?? 'this system'}; webgpu is used there`;
  if (installed !== null) {
    const hash = installed.compared
      ? 'hash compared'
      : `hash not compared, ${installed.sha512.slice(0, 16)}…`;
    return `${installed.version}, ${showBytes(installed.bytes)}, from ${installed.from} (${hash})`;
  }
  const ask = offline ? '; the network is not allowed' : '';
  return `not installed; \`providers install cuda\` brings version ${version} from ${feed}${ask}`;
}
