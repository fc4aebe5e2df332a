import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { judgeDesktop } from './package/judge-desktop.ts';
import { listFiles } from './package/judge-files.ts';
import { packAroundStandIn } from './package/pack-around-stand-in.ts';

/**
 * `npm run check:package`: packs the desktop for Linux on x64 around a stand-in for Electron, judges the tree, moves it elsewhere and has its
 * engine trace a sample there. The stand-in is Node under Electron's name, so that what the package holds besides Electron
 * is checked without its runtime; the window is `npm run check:electron`'s.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'fundus-lens desktop '));
const faults: string[] = [];
try {
  const packed = packAroundStandIn(scratch);
  const own = listFiles(join(packed, 'resources'));
  const bytes = own.reduce((sum, file) => sum + file.bytes, 0);
  process.stdout.write(`${own.length} files beside Electron, ${(bytes / 1e6).toFixed(1)} MB\n`);
  faults.push(...judgeDesktop(packed, root));
  traceElsewhere(packed);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const fault of faults) process.stderr.write(`fault: ${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;

function traceElsewhere(packed: string): void {
  const elsewhere = join(scratch, 'elsewhere');
  cpSync(packed, elsewhere, { recursive: true });
  const resources = join(elsewhere, 'resources');
  const cli = join(resources, 'app.asar.unpacked', 'out', 'node', 'cli.js');
  const sample = join(resources, 'bundled', 'data', 'samples', 'real', 'retina.jpg');
  const own = { XDG_DATA_HOME: join(scratch, 'data'), XDG_CACHE_HOME: join(scratch, 'cache') };
  try {
    const output = execFileSync(
      join(elsewhere, 'fundus-lens'),
      [cli, 'trace', sample, '--no-controls', '--json', '-'],
      { cwd: scratch, env: { PATH: process.env['PATH'], ...own }, encoding: 'utf8' },
    );
    const { schema } = JSON.parse(output) as { readonly schema?: string };
    if (schema !== 'fundus-lens.trace/1') throw new Error(`it wrote the schema ${String(schema)}`);
    process.stdout.write('ok  the packaged engine traces a sample, away from the checkout\n');
  } catch (error) {
    faults.push(`The packaged engine traces no sample: ${String(error)}`);
  }
}
