import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LoopbackHub, repository } from '../model-hub/testing/loopback-hub.ts';
import { checkpoint, runCli } from './test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens модели '));
/** Every place that the program would use of this computer. */
const env = {
  XDG_DATA_HOME: path.join(folder, 'данные'),
  XDG_CACHE_HOME: path.join(folder, 'cache'),
  HF_TOKEN: '',
};
const models = (...args: string[]) => runCli(['models', ...args], { env });
const stored = () => readdirSync(path.join(env.XDG_DATA_HOME, 'fundus-lens', 'models'));
let hub: LoopbackHub;

beforeAll(async () => {
  hub = await LoopbackHub.start(checkpoint);
});
afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('models on the command line', () => {
  test('every command says what it does', async () => {
    const { exitCode, stdout } = await models('--help');
    expect(exitCode).toBe(0);
    for (const name of ['add', 'list', 'prepare', 'verify', 'remove', 'hub'])
      expect(stdout).toContain(`  ${name} `);
  });

  test('the network is asked for only after it is allowed', async () => {
    expect((await models('hub', '--endpoint', hub.endpoint)).stdout).toContain('not allowed');
    const refused = await models('add', repository);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain('[hub.offline]');
    expect(hub.seen).toEqual([]);
    expect((await models('hub', '--online')).stdout).toContain('allowed');
  });

  test('a model is looked at, downloaded, prepared, verified and removed', { timeout: 240_000 }, async () => {
    const looked = await models('add', repository, '--dry-run');
    expect(looked.stdout).toMatch(/int4 +\d/);
    expect(stored()).toEqual([]);
    const added = await models('add', repository);
    expect(added).toMatchObject({ exitCode: 0, stderr: '' });
    expect(added.stdout).toContain(`Model 1: ${repository}`);
    expect(await models('prepare', repository, '--format', 'int8')).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    const verified = await models('verify', `${repository}-int8`, '--prompt', 'What is this?', '--json');
    expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(verified.stdout)).toMatchObject({ schema: 'fundus-lens.fidelity/1' });
    const listed = await models('list');
    expect(listed.stdout).toMatch(/int8 .*top-1/);
    expect(await models('remove', `${repository}-int8`)).toMatchObject({ exitCode: 0 });
    expect(stored()).toHaveLength(1);
  });

  test('what cannot be had is told', async () => {
    const missing = await models('add', 'someone/else');
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain('[hub.not-found]');
    expect((await models('remove', 'nothing')).stderr).toContain('[model.not-found]');
    expect((await models('verify', repository)).stderr).toContain('[input.invalid]');
  });
});
