/** Which requests could be a web page's doing. */
import { describe, expect, test } from 'bun:test';
import { isLoopback, refuseBrowsers, type GuardRules } from '../../src/http/guard.ts';

const local: GuardRules = { names: new Set(['hooks.example']), anyAddress: 'refused' };
const remote: GuardRules = { ...local, anyAddress: 'accepted' };

function passes(headers: Record<string, string>, rules = local): boolean {
  try {
    refuseBrowsers(new Request('http://localhost/', { headers }), rules);
    return true;
  } catch {
    return false;
  }
}

describe('a Host', () => {
  test.each([
    'localhost',
    'localhost:1',
    'LocalHost:8788',
    '127.0.0.1:8788',
    '127.1.2.3',
    '[::1]',
    '[::1]:9',
    'hooks.example:443',
  ])('%s is ours', (host) => {
    expect(passes({ host })).toBe(true);
  });
  test.each([
    '',
    'evil.example',
    'localhost.evil.example',
    'evil.localhost',
    '127.0.0.1.evil.example',
    '0.0.0.0',
    '10.0.0.1',
    '[::ffff:127.0.0.1]',
    'user@localhost',
    'localhost:80:80',
    '127.0.0.1.',
  ])('%j is not', (host) => {
    expect(passes({ host })).toBe(false);
  });
  test('in digits is nobody’s name: where others may come, it passes', () => {
    for (const host of ['10.0.0.1', '10.0.0.1:8788', '[fe80::1]:80'])
      expect(passes({ host }, remote)).toBe(true);
    expect(passes({ host: 'evil.example' }, remote)).toBe(false);
  });
});

describe('an Origin', () => {
  test.each(['http://localhost:8788', 'https://localhost:8788', 'http://LOCALHOST:8788'])(
    '%s is the same as ours',
    (origin) => {
      expect(passes({ host: 'localhost:8788', origin })).toBe(true);
    },
  );
  test.each([
    'null',
    '',
    'http://localhost',
    'http://localhost:8789',
    'http://127.0.0.1:8788',
    'http://localhost:8788.evil.example',
    'chrome-extension://x',
    'file://',
  ])('%j is not', (origin) => {
    expect(passes({ host: 'localhost:8788', origin })).toBe(false);
  });
});

test('what a browser adds by itself tells a foreign page that says no Origin', () => {
  const host = 'localhost';
  for (const site of ['none', 'same-origin']) expect(passes({ host, 'sec-fetch-site': site })).toBe(true);
  for (const site of ['cross-site', 'same-site', 'x'])
    expect(passes({ host, 'sec-fetch-site': site })).toBe(false);
});

test('loopback is where only this machine gets', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]'])
    expect(isLoopback(host)).toBe(true);
  for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.org', 'localhost.', ''])
    expect(isLoopback(host)).toBe(false);
});
