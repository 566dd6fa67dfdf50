import { expect, test } from 'bun:test';
import { readEnvironment } from '../../src/system/environment.ts';

const module = `${import.meta.dir}/../../src/system/environment.ts`;

/** As a fresh process of this user sees it: its own variables are what is asked about. */
function userHomeWith(variables: Readonly<Record<string, string>>): string {
  const script = `const { readEnvironment } = await import(${JSON.stringify(module)}); console.log(readEnvironment().userHome)`;
  const ran = Bun.spawnSync([process.execPath, '-e', script], { env: variables });
  return ran.stdout.toString().trim();
}

test('a home that is told is believed when it leads somewhere from everywhere', () => {
  expect(userHomeWith({ HOME: '/somewhere' })).toBe('/somewhere');
});

test('without one, with an empty or a relative one, a user has one home: the system’s', () => {
  const { uid, platform } = readEnvironment();
  const found = userHomeWith({});
  if (platform === 'linux') {
    const row = Bun.spawnSync(['getent', 'passwd', String(uid)]).stdout.toString();
    expect(found).toBe(row.split(':')[5] ?? '');
  }
  expect(found).toStartWith('/');
  expect(userHomeWith({ HOME: '' })).toBe(found);
  expect(userHomeWith({ HOME: 'projects' })).toBe(found);
});
