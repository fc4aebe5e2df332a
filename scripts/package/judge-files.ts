import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** One file of a package; the path with `/`, relative to the package's top. */
export interface PackageFile {
  readonly path: string;
  readonly bytes: number;
}

export interface PackageRules {
  /** Bytes of all files together, at most. */
  readonly mostBytes: number;
  /** What must be there: a path, or a pattern that some path has to meet. */
  readonly required: readonly (string | RegExp)[];
  /** `linux-x64` and such; binaries of any other platform are faults. Null where there may be none at all. */
  readonly platform: string | null;
}

/** What no package may hold, and why. */
const unwanted: readonly (readonly [RegExp, string])[] = [
  [/^(?!.*core-js).*\.(test|spec)\.[cm]?[jt]s$|(^|\/)(__tests__|e2e)\//, 'a test'],
  [/\.map$/, 'a source map'],
  [/^(?!.*\.d\.[cm]?ts$).*\.[cm]?tsx?$/, 'TypeScript, which Node does not run in a package'],
  [/(^|\/)data\/fixtures\//, 'a fixture'],
  [/-log\.jsonl$/, 'the diary of a training'],
  [/(^|\/)\.(git|env|npmrc)/, 'a file of a developer'],
  [/\.tsbuildinfo$/, 'a file of a developer'],
];

const binary = /\.(node|dll|dylib|so(\.[\d.]+)?)$/;
const platforms = ['linux', 'linuxmusl', 'darwin', 'win32'];
const architectures = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 's390x', 'riscv64'];

/** @returns what is wrong with a package, a sentence each; empty when nothing is */
export function findFaults(files: readonly PackageFile[], rules: PackageRules): string[] {
  const faults = files.flatMap(({ path }) => {
    const [, what] = unwanted.find(([pattern]) => pattern.test(path)) ?? [];
    if (what !== undefined) return [`${path} is ${what}.`];
    if (!binary.test(path)) return [];
    if (rules.platform === null) return [`${path} is a binary.`];
    const foreign = platformOf(path);
    return foreign === null || foreign === rules.platform
      ? []
      : [`${path} is for ${foreign}, not ${rules.platform}.`];
  });
  for (const need of rules.required) {
    const isThere = files.some(
      ({ path, bytes }) => bytes > 0 && (typeof need === 'string' ? path === need : need.test(path)),
    );
    if (!isThere) faults.push(`${String(need)} is missing.`);
  }
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > rules.mostBytes) {
    const inMegabytes = (value: number) => `${(value / 1e6).toFixed(1)} MB`;
    faults.push(`It has ${inMegabytes(bytes)}; ${inMegabytes(rules.mostBytes)} are allowed.`);
  }
  return faults;
}

/** The platform that a path names, such as `darwin-arm64`; null when it names none. */
function platformOf(path: string): string | null {
  const words = path.split(/[/._-]/);
  const system = words.find((word) => platforms.includes(word));
  const architecture = words.find((word) => architectures.includes(word));
  return system === undefined || architecture === undefined ? null : `${system}-${architecture}`;
}

/** All files below a folder; links are not followed. */
export function listFiles(folder: string): PackageFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return { path: relative(folder, file).split(sep).join('/'), bytes: statSync(file).size };
    });
}
