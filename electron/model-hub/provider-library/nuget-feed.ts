import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import type { HubClient } from '../hub/hub-client.ts';

/** One version of a package, as its feed describes it. */
export interface NugetPackage {
  readonly id: string;
  readonly version: string;
  readonly url: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha512: string;
}

const indexSchema = z.object({
  resources: z.array(z.object({ '@id': z.string(), '@type': z.union([z.string(), z.array(z.string())]) })),
});
const entrySchema = z.object({
  version: z.string().optional(),
  packageHash: z.string().min(1),
  packageHashAlgorithm: z.string(),
  packageSize: z.int().positive(),
});
const leafSchema = z.object({
  catalogEntry: z.union([z.string(), z.record(z.string(), z.unknown())]),
  packageContent: z.string(),
});

/** All of them describe single versions; the later ones know more version numbers. */
const registrationTypes = [
  'RegistrationsBaseUrl/3.6.0',
  'RegistrationsBaseUrl/Versioned',
  'RegistrationsBaseUrl/3.4.0',
  'RegistrationsBaseUrl/3.0.0-rc',
  'RegistrationsBaseUrl',
];

/**
 * Asks a NuGet feed (version 3) for one version of a package: service index → registration of the version → catalogue
 * entry, which has the hash.
 *
 * @param client its endpoint is the address of the service index
 * @throws FundusLensError `hub.*`
 * @see https://learn.microsoft.com/nuget/api/overview
 */
export async function findPackage(
  client: HubClient,
  { id, version }: Pick<NugetPackage, 'id' | 'version'>,
  signal: AbortSignal,
): Promise<NugetPackage> {
  const what = `${id} ${version}`;
  const ask = async <T>(address: string, schema: z.ZodType<T>): Promise<T> => {
    const parsed = schema.safeParse(await client.getJson(address, what, signal));
    if (parsed.success) return parsed.data;
    throw unknownAnswer(address, z.prettifyError(parsed.error));
  };
  const feed = client.endpoint.href;
  const { resources } = await ask(feed, indexSchema);
  const registrations = registrationTypes
    .map((type) => resources.find((resource) => [resource['@type']].flat().includes(type))?.['@id'])
    .find((address) => address !== undefined);
  if (registrations === undefined) throw unknownAnswer(feed, 'it offers no registrations of packages');
  const base = registrations.replace(/\/*$/, '/');
  const address = new URL(`${base}${id.toLowerCase()}/${version.toLowerCase()}.json`, feed).href;
  const leaf = await ask(address, leafSchema);
  const entry =
    typeof leaf.catalogEntry === 'string'
      ? await ask(new URL(leaf.catalogEntry, address).href, entrySchema)
      : readEntry(address, leaf.catalogEntry);
  if (entry.packageHashAlgorithm.toUpperCase() !== 'SHA512') {
    throw unknownAnswer(address, `it gives a hash of another kind, ${entry.packageHashAlgorithm}`);
  }
  if (entry.version !== undefined && entry.version.toLowerCase() !== version.toLowerCase()) {
    throw unknownAnswer(address, `it describes version ${entry.version}`);
  }
  const hash = Buffer.from(entry.packageHash, 'base64');
  if (hash.length !== 64) throw unknownAnswer(address, 'its hash has another length than SHA-512');
  const url = new URL(leaf.packageContent, address).href;
  return { id, version, url, bytes: entry.packageSize, sha512: hash.toString('hex') };
}

function readEntry(address: string, entry: unknown): z.infer<typeof entrySchema> {
  const parsed = entrySchema.safeParse(entry);
  if (parsed.success) return parsed.data;
  throw unknownAnswer(address, z.prettifyError(parsed.error));
}

function unknownAnswer(address: string, found: string): FundusLensError {
  return new FundusLensError('hub.wrong-content', `${address} answers in a way that is not known.`, {
    expected: 'a NuGet feed, version 3, that states size and SHA-512 of its packages',
    found: found.slice(0, 500),
  });
}
