import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { EngineProgress } from '../lens-trace/progress.ts';
import type { EngineTraceRequest } from './messages.ts';
import { EngineClient } from './engine-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'fundus-lens-client-'));
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * A worker with the engine's own message loop around work that only counts; the prompt says what happens:
 * "count N", "busy N" (N chunks of 20 ms that block the process), "fail", "defect", "die N", "hang".
 */
const common = new URL('../../contract/errors.ts', import.meta.url).href;
const loop = new URL('./serve-requests.ts', import.meta.url).href;
const script = join(folder, 'counting engine.mjs');
writeFileSync(
  script,
  `
import { serveRequests } from ${JSON.stringify(loop)};
import { FundusLensError } from ${JSON.stringify(common)};
import { setImmediate } from 'node:timers/promises';
let served = 0;
const trace = async ({ prompt }, { onProgress, signal }) => {
  const [verb, number = '0'] = prompt.split(' ');
  served += 1;
  if (verb === 'fail') throw new FundusLensError('image.truncated', 'Cut.', { expected: 'a', found: 'b', advice: 'c' });
  if (verb === 'defect') throw new TypeError('a defect');
  if (verb === 'die') { process.stderr.write('last words'); process.exit(Number(number)); }
  if (verb === 'hang') { const end = Date.now() + 60_000; while (Date.now() < end); }
  for (let done = 1; done <= Number(number); done++) {
    if (verb === 'busy') { const end = Date.now() + 20; while (Date.now() < end); }
    onProgress({ stage: 'lens', done, total: Number(number) });
    await setImmediate();
    if (signal.aborted) throw new FundusLensError('engine.cancelled', 'Cancelled.');
  }
  return { served, pid: process.pid, numbers: Float32Array.from([1.5, NaN, -Infinity]) };
};
await serveRequests(
  {
    post: (event) => process.send(event, undefined, undefined, () => undefined),
    onCommand: (listener) => process.on('message', listener),
    onClose: (listener) => process.once('disconnect', listener),
  },
  { trace, inspect: async (modelDir) => ({ id: modelDir }) },
);
process.exit(0);
`,
);

const clients: EngineClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function connect(workerPath: string = script): EngineClient {
  const client = new EngineClient({ workerPath });
  clients.push(client);
  return client;
}

function request(prompt: string): EngineTraceRequest {
  return {
    modelDir: '/models/модель',
    imagePath: null,
    prompt,
    lens: 'logit',
    positions: 'last',
    topK: 1,
    conceptSet: { schema: 'fundus-lens.concept-set/1', id: 'x', title: { en: 'x', ru: 'x' }, concepts: [] },
    provider: 'cpu',
    generate: 0,
    traceGenerated: false,
    controls: null,
    dumpPath: null,
  };
}

/** A process that has ended but that nobody has waited for yet does not count. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const state = `/proc/${pid}/stat`;
  return !existsSync(state) || !/\) Z /.test(readFileSync(state, 'utf8'));
}

describe('EngineClient', () => {
  test('answers keep their typed arrays, and the process stays warm', async () => {
    const client = connect();
    expect(client.pid).toBeNull();
    const first = await client.trace(request('count 0'));
    const second = await client.trace(request('count 0'));
    expect(first).toMatchObject({ served: 1, numbers: Float32Array.from([1.5, NaN, -Infinity]) });
    expect(second).toMatchObject({ served: 2, pid: client.pid });
  });

  test('requests at the same time are told apart, with their own progress', async () => {
    const client = connect();
    const seen: EngineProgress[][] = [[], []];
    const [a, report, b] = await Promise.all([
      client.trace(request('count 3'), { onProgress: (progress) => seen[0]!.push(progress) }),
      client.inspect('/models/глаз'),
      client.trace(request('count 2'), { onProgress: (progress) => seen[1]!.push(progress) }),
    ]);
    expect(report).toEqual({ id: '/models/глаз' });
    expect([a, b]).toMatchObject([{ served: 1 }, { served: 2 }]);
    expect(seen.map((progress) => progress.map(({ done, total }) => `${done}/${total}`))).toEqual([
      ['1/3', '2/3', '3/3'],
      ['1/2', '2/2'],
    ]);
  });

  test('an error arrives with everything that it says, and the engine goes on', async () => {
    const client = connect();
    await expect(client.trace(request('fail'))).rejects.toMatchObject({
      name: 'FundusLensError',
      code: 'image.truncated',
      expected: 'a',
      found: 'b',
      advice: 'c',
    });
    await expect(client.trace(request('defect'))).rejects.toThrow('a defect');
    await expect(client.trace(request('count 1'))).resolves.toMatchObject({ served: 3 });
  });

  test('a cancel is seen at the next chunk, also while the work blocks the process', async () => {
    const client = connect();
    const controller = new AbortController();
    let chunks = 0;
    const work = client.trace(request('busy 1000'), {
      signal: controller.signal,
      onProgress: () => {
        chunks += 1;
        if (chunks === 3) controller.abort();
      },
    });
    await expect(work).rejects.toMatchObject({ code: 'engine.cancelled' });
    expect(chunks).toBeLessThan(50);
    await expect(client.trace(request('count 1'))).resolves.toMatchObject({ served: 2 });
  });

  test('work that waits for its turn is cancelled without being begun', async () => {
    const client = connect();
    const controller = new AbortController();
    const first = client.trace(request('busy 10'));
    const second = client.trace(request('busy 1000'), { signal: controller.signal });
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'engine.cancelled' });
    await expect(first).resolves.toMatchObject({ served: 1 });
    await expect(client.trace(request('count 0'))).resolves.toMatchObject({ served: 2 });
    await expect(client.trace(request('count 0'), { signal: controller.signal })).rejects.toMatchObject({
      code: 'engine.cancelled',
    });
  });

  test('a killed engine is reported within two seconds, with its signal, and the next call starts another', async () => {
    const client = connect();
    let killedAt = 0;
    const work = client.trace(request('busy 1000'), {
      onProgress: () => {
        killedAt ||= Date.now();
        process.kill(client.pid!, 'SIGKILL');
      },
    });
    await expect(work).rejects.toMatchObject({
      code: 'engine.killed',
      found: expect.stringContaining('SIGKILL') as string,
      advice: expect.stringContaining('memory') as string,
    });
    expect(Date.now() - killedAt).toBeLessThan(2000);
    await expect(client.trace(request('count 0'))).resolves.toMatchObject({ served: 1 });
  });

  test('an engine that ends by itself is reported with its exit code and its last words', async () => {
    const client = connect();
    await expect(client.trace(request('die 7'))).rejects.toMatchObject({
      code: 'engine.killed',
      found: expect.stringMatching(/exit code 7.*last words/s) as string,
    });
  });

  test('an engine that cannot be started is reported', async () => {
    const broken = join(folder, 'broken.mjs');
    writeFileSync(broken, 'import "./no-such-module.mjs";');
    await expect(connect(broken).trace(request('count 0'))).rejects.toMatchObject({
      code: 'engine.killed',
      found: expect.stringContaining('no-such-module') as string,
    });
  });

  test('close leaves no process, also when the engine hangs', async () => {
    const calm = connect();
    await calm.trace(request('count 0'));
    const calmPid = calm.pid!;
    await calm.close();
    expect(isAlive(calmPid)).toBe(false);
    await calm.close();

    const hanging = connect();
    await hanging.trace(request('count 0'));
    const pid = hanging.pid!;
    const work = hanging.trace(request('hang'));
    work.catch(() => undefined);
    await sleep(100);
    const started = Date.now();
    await hanging.close();
    expect(Date.now() - started).toBeLessThan(4000);
    await expect(work).rejects.toMatchObject({ code: 'engine.cancelled' });
    expect(isAlive(pid)).toBe(false);
  });

  test('the engine ends when its parent is killed', async () => {
    const client = new URL('engine-client.ts', import.meta.url).href;
    const parentScript = join(folder, 'parent.mjs');
    writeFileSync(
      parentScript,
      `
import { EngineClient } from ${JSON.stringify(client)};
const client = new EngineClient({ workerPath: ${JSON.stringify(script)} });
await client.trace({ prompt: 'count 0' });
console.log(client.pid);
await client.trace({ prompt: 'busy 100000' });
`,
    );
    const parent = spawn(process.execPath, [parentScript], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(text.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  });
});
