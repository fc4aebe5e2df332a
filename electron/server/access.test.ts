import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { limits } from '../contract/limits.ts';
import { createAccess } from './access.ts';

let time = 0;
const access = createAccess({ host: '127.0.0.1', port: 4417, sessionIdle: 1000, now: () => time });

function isIn(setCookie: string): boolean {
  const request = new IncomingMessage(new Socket());
  request.headers = { host: '127.0.0.1:4417', cookie: setCookie.split(';')[0]! };
  return access.refuse(request, { origin: 'if-present' }) === null;
}

test('after a rotation the address before lets nobody in, and browsers that are in stay', () => {
  const before = access.token;
  const cookie = access.cookieFor(before)!;
  expect(cookie).not.toContain(before);
  expect(access.cookieFor(before)).not.toBe(cookie);
  access.rotate();
  expect(access.token).not.toBe(before);
  expect(access.cookieFor(before)).toBeNull();
  expect(isIn(cookie)).toBe(true);
  // The token of an address is no cookie.
  expect(isIn(`fundus-lens-4417=${access.token}`)).toBe(false);
});

test('a browser that was silent too long brings the address again, and one that asks now and then does not', () => {
  const [silent, asking] = [access.cookieFor(access.token)!, access.cookieFor(access.token)!];
  time += 900;
  expect(isIn(asking)).toBe(true);
  time += 900;
  expect(isIn(asking)).toBe(true);
  expect(isIn(silent)).toBe(false);
});

test('of too many browsers the one that was silent longest leaves', () => {
  const first = access.cookieFor(access.token)!;
  const second = access.cookieFor(access.token)!;
  expect(isIn(first)).toBe(true);
  for (let more = 0; more < limits.server.sessions - 1; more += 1) access.cookieFor(access.token);
  expect(isIn(second)).toBe(false);
  expect(isIn(first)).toBe(true);
});
