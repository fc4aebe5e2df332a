import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { EngineTraceRequest } from './messages.ts';
import { EngineClient } from './engine-client.ts';
import type { EngineClientOptions } from './engine-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'fundus-lens-hung-'));
const clients: EngineClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * The engine's own message loop around "hang" (holds the thread as a backtracking expression does), "wait" (an answer
 * that never comes, as from a driver) and "steps N" (N chunks of 100 ms with progress).
 */
const url = (file: string) => new URL(file, import.meta.url).href;
const script = join(folder, 'engine.mjs');
writeFileSync(
  script,
  `import { setTimeout as sleep } from 'node:timers/promises';
import { serveRequests } from '${url('./serve-requests.ts')}';
import { watchParent } from '${url('./watch-parent.ts')}';
watchParent();
const trace = async ({ prompt }, { onProgress, signal }) => {
  const [verb, number = '0'] = prompt.split(' ');
  if (verb === 'hang') for (;;);
  if (verb === 'wait') await new Promise(() => setInterval(() => undefined, 1000));
  for (let done = 1; done <= Number(number); done++) {
    await sleep(100);
    onProgress({ stage: 'lens', done, total: Number(number) });
    signal.throwIfAborted();
  }
  return { pid: process.pid };
};
await serveRequests(
  {
    post: (event) => process.send(event, undefined, undefined, () => undefined),
    onCommand: (listener) => process.on('message', listener),
    onClose: (listener) => process.once('disconnect', listener),
  },
  { trace },
);
process.exit(0);
`,
);

function connect(options: EngineClientOptions): EngineClient {
  const client = new EngineClient({ workerPath: script, ...options });
  clients.push(client);
  return client;
}

const request = (prompt: string) => ({ prompt }) as EngineTraceRequest;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('an engine that does not answer', () => {
  test.each(['hang', 'wait'])(
    'is killed when a cancel is not heeded (%s), and the next call starts another',
    async (verb) => {
      const client = connect({ cancelPatience: 300 });
      await client.trace(request('steps 0'));
      const pid = client.pid!;
      const controller = new AbortController();
      const work = client.trace(request(verb), { signal: controller.signal });
      const behind = client.trace(request('steps 1'));
      work.catch(() => undefined);
      behind.catch(() => undefined);
      await sleep(100);
      const started = Date.now();
      controller.abort();
      await expect(work).rejects.toMatchObject({ code: 'engine.cancelled' });
      expect(Date.now() - started).toBeLessThan(2000);
      // What waited behind it has not failed by itself, and may be tried again.
      await expect(behind).rejects.toMatchObject({ code: 'engine.killed' });
      await expect.poll(() => isAlive(pid), { timeout: 3000 }).toBe(false);
      await expect(client.trace(request('steps 0'))).resolves.toHaveProperty('pid');
    },
    20_000,
  );

  test('is not taken for hung while it works on something else', async () => {
    const client = connect({ cancelPatience: 600 });
    await client.trace(request('steps 0'));
    const controller = new AbortController();
    const first = client.trace(request('steps 12'));
    const second = client.trace(request('steps 1'), { signal: controller.signal });
    second.catch(() => undefined);
    await sleep(200);
    controller.abort();
    await expect(first).resolves.toHaveProperty('pid');
    await expect(second).rejects.toMatchObject({ code: 'engine.cancelled' });
  });

  test.each(['hang', 'wait'])(
    'and is silent for long is ended by itself (%s), with a reason',
    async (verb) => {
      const client = connect({ silencePatience: 2500 });
      await expect(client.trace(request('steps 30'))).resolves.toHaveProperty('pid');
      const started = Date.now();
      await expect(client.trace(request(verb))).rejects.toMatchObject({
        code: 'engine.killed',
        found: expect.stringContaining('no sign of life') as string,
      });
      expect(Date.now() - started).toBeLessThan(8000);
      // An idle engine owes nobody a sign.
      const { pid } = (await client.trace(request('steps 0'))) as unknown as { pid: number };
      await sleep(3500);
      expect(isAlive(pid)).toBe(true);
    },
    20_000,
  );

  test('ends when its parent is killed, although it is in the middle of a computation', async () => {
    const parentScript = join(folder, 'parent.mjs');
    writeFileSync(
      parentScript,
      `import { EngineClient } from '${url('engine-client.ts')}';
const client = new EngineClient({ workerPath: ${JSON.stringify(script)} });
await client.trace({ prompt: 'steps 0' });
console.log(client.pid);
await client.trace({ prompt: 'hang' });
`,
    );
    const parent = spawn(process.execPath, [parentScript], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(text.toString());
    await sleep(300);
    parent.kill('SIGKILL');
    try {
      await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    } finally {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    }
  }, 20_000);
});
