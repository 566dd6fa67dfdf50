import { expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  changeConfig,
  defaultConfig,
  readConfig,
  settingNames,
  variableOf,
} from '../../src/system/config.ts';
import { temporaryHome } from '../support/home.ts';

test('without a file the defaults hold', async () => {
  await using home = await temporaryHome();
  expect(readConfig(home.paths, home.environment)).toEqual(defaultConfig);
});

test('a setting may be written nested or dotted, and the environment overrides both', async () => {
  await using home = await temporaryHome({ IPC_GUARD_BURST: '7', IPC_IDLE_EXIT: '2h' });
  writeFileSync(
    home.paths.config,
    '{"guard": {"depth": 3, "burst": 4}, "quotas.mailbox": 5, "idleExit": "30m"}',
  );
  expect(readConfig(home.paths, home.environment)).toMatchObject({
    'guard.depth': 3,
    'guard.burst': 7,
    'quotas.mailbox': 5,
    idleExit: 7_200,
  });
});

test.each([
  ['{"retensionDays": 3}', 'retentionDays'],
  ['{"guard": {"dept": 3}}', 'guard.depth'],
])('an unknown setting in %s is an error that names the nearest', async (text, meant) => {
  await using home = await temporaryHome();
  writeFileSync(home.paths.config, text);
  expect(() => readConfig(home.paths, home.environment)).toThrow(meant);
});

test.each([
  '{',
  '[]',
  '"x"',
  '{"idleExit": "soon"}',
  '{"idleExit": -1}',
  '{"log.files": 1.5}',
  '{"guard": null}',
  '{"retentionDays": "2h"}',
  '{"http.defaultTo": "@all"}',
  '{"http.defaultTo": "no name"}',
  '{"http.defaultTo": 3}',
])('the file %s is refused', async (text) => {
  await using home = await temporaryHome();
  writeFileSync(home.paths.config, text);
  expect(() => readConfig(home.paths, home.environment)).toThrow(
    expect.objectContaining({ code: 'invalid_data' }),
  );
});

test('a change is written to the file, and taking it out brings the default back', async () => {
  await using home = await temporaryHome();
  expect(changeConfig(home.paths, 'idleExit', '45m')).toBe(2_700);
  expect(changeConfig(home.paths, 'guard.depth', '5')).toBe(5);
  expect(readConfig(home.paths, home.environment)).toMatchObject({ idleExit: 2_700, 'guard.depth': 5 });
  expect(() => changeConfig(home.paths, 'guard.depth', 'many')).toThrow(
    expect.objectContaining({ code: 'invalid_data' }),
  );
  expect(changeConfig(home.paths, 'idleExit', undefined)).toBe(defaultConfig.idleExit);
  expect(JSON.parse(readFileSync(home.paths.config, 'utf8'))).toEqual({ 'guard.depth': 5 });
});

test('a wrong setting is mended by a change of it, and keeps no other from being changed', async () => {
  await using home = await temporaryHome();
  const { config } = home.paths;
  writeFileSync(config, '{"guard": {"depth": "deep", "burst": 4}, "idleExit": -1, "later": [1]}');
  expect(changeConfig(home.paths, 'keepNewest', '9')).toBe(9);
  expect(JSON.parse(readFileSync(config, 'utf8'))).toMatchObject({ 'guard.depth': 'deep', idleExit: -1 });
  expect(changeConfig(home.paths, 'guard.depth', '5')).toBe(5);
  expect(changeConfig(home.paths, 'idleExit', undefined)).toBe(defaultConfig.idleExit);
  const kept = JSON.parse(readFileSync(config, 'utf8')) as object;
  expect(kept).toMatchObject({ 'guard.depth': 5, 'guard.burst': 4, keepNewest: 9 });
  expect(kept).not.toHaveProperty('idleExit');
  expect(() => readConfig(home.paths, home.environment)).toThrow('later');
});

test('a wrong value of a variable is mended where it stands', async () => {
  await using home = await temporaryHome({ IPC_IDLE_EXIT: 'soon' });
  expect(() => readConfig(home.paths, home.environment)).toThrow(
    expect.objectContaining({ hint: 'unset IPC_IDLE_EXIT' }),
  );
});

test('no two settings share a variable', () => {
  expect(new Set(settingNames.map(variableOf)).size).toBe(settingNames.length);
  expect(variableOf('guard.ratePerMinute')).toBe('IPC_GUARD_RATE_PER_MINUTE');
});

test('a setting that is a name is kept as it is written, and nothing is nobody', async () => {
  await using home = await temporaryHome();
  expect(readConfig(home.paths, home.environment)['http.defaultTo']).toBe('');
  expect(changeConfig(home.paths, 'http.defaultTo', '@bob')).toBe('bob');
  expect(changeConfig(home.paths, 'http.defaultTo', '#builds')).toBe('#builds');
  expect(readConfig(home.paths, home.environment)['http.defaultTo']).toBe('#builds');
  expect(changeConfig(home.paths, 'http.defaultTo', undefined)).toBe('');
});
