import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WorkbenchFixture } from '../workbench-fixture.ts';
import type { Workbench } from '../open-workbench.ts';

const fixture = new WorkbenchFixture();
const content = Buffer.from('an installer');
const sha512 = createHash('sha512').update(content).digest('hex');
const name = 'fundus-lens-9.0.0-linux-x64.tar.gz';
const release = {
  schema: 'fundus-lens.release/1',
  version: '9.0.0',
  page: 'https://example.org/9.0.0',
  files: [{ name, bytes: content.length, sha512 }],
};
let told: unknown = release;
let requests = 0;
const server = createServer((_request, response) => {
  requests += 1;
  response.setHeader('content-type', 'application/json').end(JSON.stringify(told));
});
let client: Workbench['client'];
let file: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ client } = await fixture.open());
  file = path.join(fixture.source({}), name);
  writeFileSync(file, content);
  const { port } = server.address() as AddressInfo;
  await client.settings.patch({ updates: { address: `http://127.0.0.1:${port}/release.json` } });
}, 60_000);

afterAll(async () => {
  await fixture.remove();
  server.close();
});

test('nothing is asked at first, nor once it is on while the software is offline', async () => {
  expect(await client.updates.get()).toMatchObject({ enabled: false });
  await expect(client.updates.check()).rejects.toMatchObject({ data: { code: 'input.invalid' } });
  await client.settings.patch({ offline: false });
  await expect(client.updates.verify({ path: file })).rejects.toMatchObject({
    data: { code: 'input.invalid' },
  });
  await client.settings.patch({ updates: { enabled: true }, offline: true });
  await expect(client.updates.check()).rejects.toMatchObject({ data: { code: 'hub.offline' } });
  expect(requests).toBe(0);
});

test('switched on and online, one request tells of a newer version', async () => {
  await client.settings.patch({ updates: { enabled: true }, offline: false });
  expect(await client.updates.check()).toMatchObject({ newest: '9.0.0', isNewer: true, page: release.page });
  told = { ...release, version: '0.0.9' };
  expect(await client.updates.check()).toMatchObject({ newest: '0.0.9', isNewer: false });
  expect(requests).toBe(2);
  told = { version: '9.0.0' };
  await expect(client.updates.check()).rejects.toMatchObject({ data: { code: 'hub.wrong-content' } });
  told = release;
});

test('a file is refused that is not what its release says it is', async () => {
  expect(await client.updates.verify({ path: file })).toEqual({ name, version: '9.0.0', sha512 });
  for (const files of [
    [{ ...release.files[0], sha512: sha512.replaceAll(/^./g, (sign) => (sign === '0' ? '1' : '0')) }],
    [{ ...release.files[0], bytes: 1 }],
    [{ ...release.files[0], name: 'another' }],
  ]) {
    told = { ...release, files };
    await expect(client.updates.verify({ path: file })).rejects.toMatchObject({
      data: { code: 'model.hash-mismatch' },
    });
  }
});
