import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * `npm start`: the desktop app; where Electron's runtime cannot be had, the same app in the browser.
 *
 * The runtime is no part of the npm package: it is fetched the first time that somebody asks where it lies. Without a
 * network, or on a system that has no build of it, that fails, and no one should be left with a stack trace.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const electron = findElectron();

if (electron === null) {
  process.stdout.write(
    'The desktop window needs the Electron runtime, which cannot be obtained here: using the browser.\n',
  );
  process.exitCode = await run(process.execPath, ['scripts/web.ts', ...args]);
} else {
  const builds = [
    ['node_modules/electron-vite/bin/electron-vite.js', 'build'],
    ['node_modules/vite/bin/vite.js', 'build', '--config', 'vite.node.config.ts'],
  ];
  let built = 0;
  for (const build of builds) built ||= await run(process.execPath, [...build, '--logLevel', 'warn']);
  process.exitCode = built === 0 ? await run(electron, ['out/main/main.cjs', ...args]) : built;
}

/** Path of the runtime, fetched when it is not there yet; null when that fails. */
function findElectron(): string | null {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['-e', 'process.stdout.write("\\n" + require("electron"))'],
    { cwd: root, encoding: 'utf8', timeout: 300_000 },
  );
  return status === 0 ? (stdout.split('\n').at(-1) ?? null) : null;
}

async function run(command: string, commandArgs: readonly string[]): Promise<number> {
  const child = spawn(command, commandArgs, {
    cwd: root,
    stdio: 'inherit',
    // The workbench runs in this Node, away from the window system's libraries, with which sharp's own get into each other's way.
    env: { ...process.env, FUNDUS_LENS_NODE: process.execPath },
  });
  // Ctrl+C reaches the child by itself; we wait for its good order.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
