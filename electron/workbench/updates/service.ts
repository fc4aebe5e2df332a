import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import packageJson from '#package.json' with { type: 'json' };
import { packageFolder } from '../../bundled/bundled-path.ts';
import { releaseSchema } from '../../contract/app/updates.ts';
import type { Newest, Release, UpdatesView } from '../../contract/app/updates.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { HubClient } from '../../model-hub/hub/hub-client.ts';
import { hashPackage } from '../../model-hub/provider-library/unpack-package.ts';
import type { SettingsFile } from '../settings/settings-file.ts';

/** Name of the file that a release's build writes; scripts/release-manifest.ts. */
const manifestName = 'fundus-lens-release.json';

/** Asks for a new version, once somebody has switched that on and as long as the network is allowed. */
export class Updates {
  readonly #settings: SettingsFile;

  constructor(settings: SettingsFile) {
    this.#settings = settings;
  }

  view(): UpdatesView {
    const { enabled, address } = this.#settings.get().updates;
    return { current: packageJson.version, enabled, address: address ?? addressOfBuild() };
  }

  /** @throws FundusLensError `input.invalid` while it is switched off or has no address; `hub.*` */
  async check(signal: AbortSignal): Promise<Newest> {
    const { version, page } = await this.#read(signal);
    const current = packageJson.version;
    return { current, newest: version, isNewer: isNewer(version, current), page };
  }

  /**
   * Compares a file with its release.
   *
   * @throws FundusLensError `model.hash-mismatch` for a file that is none of the release or not as it says; as `check`
   */
  async verify(
    file: string,
    signal: AbortSignal,
  ): Promise<{ name: string; version: string; sha512: string }> {
    const name = path.basename(file);
    const { bytes } = await measure(file);
    const { version, files } = await this.#read(signal);
    const stated = files.find((candidate) => candidate.name === name);
    const sha512 = await hashPackage(file, signal);
    if (stated === undefined || stated.bytes !== bytes || stated.sha512 !== sha512)
      throw new FundusLensError('model.hash-mismatch', `${name} is not what its release says it is.`, {
        expected:
          stated === undefined
            ? `one of ${files.map((candidate) => candidate.name).join(', ')}`
            : `${stated.bytes} bytes, SHA-512 ${stated.sha512}`,
        found: `${bytes} bytes, SHA-512 ${sha512}`,
        advice: 'Do not install it. Download it again from the page of the release.',
      });
    return { name, version, sha512 };
  }

  async #read(signal: AbortSignal): Promise<Release> {
    const { enabled, address } = this.view();
    if (!enabled || address === null)
      throw new FundusLensError('input.invalid', 'Nothing is asked for new versions.', {
        expected: enabled ? 'an address to ask' : 'that looking for new versions is switched on',
        found: enabled ? 'none' : 'that it is switched off, as at first',
        advice: 'See Settings, or `fundus-lens updates check --help`.',
      });
    const client = new HubClient({ endpoint: address, isOffline: () => this.#settings.get().offline });
    const { success, data, error } = releaseSchema.safeParse(
      await client.getJson(address, 'the newest version', signal),
    );
    if (!success)
      throw new FundusLensError('hub.wrong-content', `${address} tells of no release.`, {
        expected: 'a description of a release, fundus-lens.release/1',
        found: error.issues.map(({ path: place, message }) => `${place.join('.')}: ${message}`).join('; '),
        advice: 'Correct the address under Settings, or ask whoever keeps it.',
      });
    return data;
  }
}

/** A release names its home page in the package that it builds; a checkout has none. */
function addressOfBuild(): string | null {
  const { homepage } = JSON.parse(readFileSync(path.join(packageFolder, 'package.json'), 'utf8')) as {
    readonly homepage?: string;
  };
  return homepage === undefined ? null : `${homepage}/releases/latest/download/${manifestName}`;
}

async function measure(file: string): Promise<{ readonly bytes: number }> {
  try {
    const { size } = await stat(file);
    return { bytes: size };
  } catch (cause) {
    throw new FundusLensError('input.invalid', `${path.basename(file)} cannot be read.`, {
      expected: 'a file that was downloaded',
      found: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}

function isNewer(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number)) as [number[], number[]];
  const place = a.findIndex((number, index) => number !== b[index]);
  return place !== -1 && a[place]! > b[place]!;
}
