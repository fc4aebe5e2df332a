import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Licence } from '../../electron/contract/app/app.ts';
import { packagesFolder } from './record-packages.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string | { readonly type?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A package that comes with the software, as a part of a build or beside it. */
export interface ThirdParty extends Licence {
  readonly folder: string;
  /** Texts of its licence and notices; empty when the package brings none. */
  readonly texts: readonly string[];
}

/** Folders of the packages that stay outside the builds: `dependencies`, and what they need on this system. */
export function outsidePackages(): string[] {
  const { dependencies = {} } = readManifest(root);
  const found = new Set<string>();
  const visit = (name: string, from: string) => {
    const folder = findPackage(name, from);
    if (folder === null || found.has(folder)) return;
    found.add(folder);
    const { dependencies: needed = {}, optionalDependencies: optional = {} } = readManifest(folder);
    for (const next of Object.keys({ ...needed, ...optional })) visit(next, folder);
  };
  for (const name of Object.keys(dependencies)) visit(name, root);
  return [...found];
}

/**
 * All that the software is made of, by name: what the builds have taken in and what lies beside them.
 *
 * @throws Error when a build has not noted what it took in
 */
export function listThirdParties(builds: readonly string[]): ThirdParty[] {
  const inside = builds.flatMap((build) => {
    const file = join(packagesFolder, `${build}.json`);
    if (!existsSync(file)) throw new Error(`${file} is missing: run \`npm run build\` first.`);
    return JSON.parse(readFileSync(file, 'utf8')) as string[];
  });
  const all = [...new Set([...inside, ...outsidePackages()])].map(describe);
  const byName = new Map(all.map((party) => [`${party.name}@${party.version}`, party]));
  return [...byName.values()].sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

/** The notices as one text. */
export function writeNotices(parties: readonly ThirdParty[]): string {
  const parts = parties.map(({ name, version, licence, texts }) => {
    const body = texts.length === 0 ? 'The package brings no text of its licence.' : texts.join('\n\n');
    return `${name} ${version}\nLicence: ${licence}\n\n${body}\n`;
  });
  const line = `\n${'-'.repeat(78)}\n\n`;
  return ['Fundus Lens contains the following packages of others.\n', ...parts].join(line);
}

function describe(folder: string): ThirdParty {
  const { name, version, license } = readManifest(folder);
  const licence = typeof license === 'string' ? license : (license?.type ?? 'not stated');
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|notice|third.?party.?notices?)\b/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return { name, version, licence, folder, texts };
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** As Node looks for it: upwards, in each `node_modules`. */
function findPackage(name: string, from: string): string | null {
  const folder = join(from, 'node_modules', name);
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(from);
  return parent === from || !from.startsWith(root.replace(/[/\\]$/, '')) ? null : findPackage(name, parent);
}
