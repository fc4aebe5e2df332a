import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { contract } from '../electron/contract/index.ts';
import { startApp } from './running-app.ts';
import type { RunningApp } from './running-app.ts';
import { agreement } from './scenarios/agreement.ts';
import { decoded } from './scenarios/decoded.ts';
import { drawing } from './scenarios/drawing.ts';
import { experiments } from './scenarios/experiments.ts';
import { exports } from './scenarios/exports.ts';
import { fitting } from './scenarios/fitting.ts';
import { firstSteps } from './scenarios/first-steps.ts';
import { comparing } from './scenarios/comparing.ts';
import { nothingLost } from './scenarios/nothing-lost.ts';
import { photographs } from './scenarios/photographs.ts';
import { patients } from './scenarios/patients.ts';
import { traceList } from './scenarios/trace-list.ts';
import { tasks } from './scenarios/tasks.ts';
import { keyboard } from './scenarios/keyboard.ts';
import { lenses } from './scenarios/lenses.ts';
import { models } from './scenarios/models.ts';
import { processors } from './scenarios/processors.ts';
import { protocols } from './scenarios/protocols.ts';
import { reading } from './scenarios/reading.ts';
import { settings } from './scenarios/settings.ts';
import { studies } from './scenarios/studies.ts';

/** One library, one server and one Chromium for all scenarios; each goes on where the one before has ended. */
// Nothing here is judged by its speed, and machines may be busy with other work.
vi.setConfig({ testTimeout: 240_000 });
let running: RunningApp | undefined;
const app = () => running!;

beforeAll(async () => {
  running = await startApp();
}, 300_000);
afterAll(() => running?.close());

describe('first steps', () => firstSteps(app));
describe('reading a trace', () => reading(app));
describe('exports', () => exports(app));
describe('studies', () => studies(app));
describe('protocols', () => protocols(app));
describe('decoded protocols', () => decoded(app));
describe('fitting a decoder', () => fitting(app));
describe('tasks', () => tasks(app));
describe('models', () => models(app));
describe('fitted lenses', () => lenses(app));
describe('processors', () => processors(app));
describe('settings', () => settings(app));
describe('keyboard', () => keyboard(app));

/** These count what is in the library, and so have one of their own. */
describe('around the trace', () => {
  let clinic: RunningApp | undefined;
  const clinicApp = () => clinic!;
  beforeAll(async () => {
    clinic = await startApp();
  }, 300_000);
  afterAll(() => clinic?.close());

  describe('comparing', () => comparing(clinicApp));
  describe('nothing lost', () => nothingLost(clinicApp));
  describe('photographs', () => photographs(clinicApp));
  describe('drawing', () => drawing(clinicApp));
  describe('observers', () => agreement(clinicApp));
  describe('patients', () => patients(clinicApp));
  describe('the list of traces', () => traceList(clinicApp));
});

/** Runs whole experiments, and counts them. */
describe('experiments', () => {
  let study: RunningApp | undefined;
  beforeAll(async () => {
    study = await startApp();
  }, 300_000);
  afterAll(() => study?.close());

  experiments(() => study!);
});

test('every call of the contract has a handler behind the WebSocket', async () => {
  const { face, context } = app();
  const [cookie] = await context.cookies();
  const websocket = new WebSocket(`ws://127.0.0.1:${face.port}/rpc`, {
    headers: { cookie: `${cookie!.name}=${cookie!.value}`, origin: `http://127.0.0.1:${face.port}` },
  });
  await new Promise((resolve, reject) => websocket.once('open', resolve).once('error', reject));
  const link = new RPCLink({ websocket: websocket as unknown as globalThis.WebSocket });
  const client: unknown = createORPCClient(link);
  const names = (part: object, path: string[] = []): string[][] =>
    '~orpc' in part
      ? [path]
      : Object.entries(part).flatMap(([name, inner]) => names(inner as object, [...path, name]));
  for (const path of names(contract)) {
    const call = path.reduce((at, name) => (at as Record<string, unknown>)[name], client);
    // A payload that no schema takes: whoever refuses it has been found.
    const outcome = await (call as (input: unknown) => Promise<unknown>)('refused').then(
      () => 'answered',
      (error: unknown) => (error as { code?: string }).code,
    );
    expect({ path, outcome }).not.toMatchObject({ outcome: 'NOT_FOUND' });
  }
  websocket.close();
});

test('no page asked for anything outside, and none complained', () => {
  const own = new URL(app().face.url).origin;
  const foreign = app().requests.filter((url) => !url.startsWith(`${own}/`) && !/^(data|blob):/.test(url));
  expect(foreign).toEqual([]);
  expect(app().requests.length).toBeGreaterThan(100);
  expect(app().complaints).toEqual([]);
});
