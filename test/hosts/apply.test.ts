/** Settings of several files are written all or none, and what came in meanwhile is not lost. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stageSetUp, stageUndo, type Where } from '../../src/hosts/apply.ts';
import type { Plan } from '../../src/hosts/host.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { thrownBy } from '../support/thrown.ts';

let home: TestHome;
let where: Where;
let files: { readonly [name in 'own' | 'fresh' | 'json' | 'toml']: string };

beforeEach(async () => {
  home = await temporaryHome();
  where = { paths: home.paths, host: 'codex', folder: null };
  const folder = join(home.path, 'user');
  mkdirSync(folder);
  files = {
    own: join(folder, 'plugin/deep/file.md'),
    fresh: join(folder, 'new/settings.json'),
    json: join(folder, 'settings.json'),
    toml: join(folder, 'config.toml'),
  };
  writeFileSync(files.json, '{\n  "theirs": 1\n}\n');
  writeFileSync(files.toml, 'model = "x"\n');
});
afterEach(async () => {
  await home[Symbol.asyncDispose]();
});

function plan(): Plan {
  const entries = [{ kind: 'value' as const, at: ['servers', 'ipc'], value: { command: '/opt/ipc' } }];
  return {
    targets: [
      { format: 'own', file: files.own, text: 'ours\n' },
      { format: 'json', file: files.fresh, entries },
      { format: 'json', file: files.json, entries },
      {
        format: 'toml',
        file: files.toml,
        path: ['mcp_servers', 'ipc'],
        block: '[mcp_servers.ipc]\ncommand = "/opt/ipc"',
      },
    ],
    notes: [],
  };
}

const texts = (): readonly (string | undefined)[] =>
  Object.values(files).map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined));

test('set up and undone, everything is as it was, folders too', () => {
  const before = texts();
  stageSetUp(where, plan()).commit();
  expect(texts().filter((text) => text?.includes('/opt/ipc'))).toHaveLength(3);
  expect(stageSetUp(where, plan()).changes).toEqual([]);
  stageUndo(where)?.commit();
  expect(texts()).toEqual(before);
  expect(existsSync(join(home.path, 'user/new'))).toBe(false);
  expect(existsSync(join(home.path, 'user/plugin'))).toBe(false);
  expect(stageUndo(where)).toBeUndefined();
});

test('a file that changes between the look and the writing stops all of it, and the others are as before', () => {
  const before = texts();
  const staged = stageSetUp(where, plan());
  writeFileSync(files.toml, 'model = "y"\n');
  expect(thrownBy(() => staged.commit())).toMatchObject({ code: 'busy' });
  expect(texts()).toEqual([...before.slice(0, 3), 'model = "y"\n']);
  expect(existsSync(join(home.path, 'user/new'))).toBe(false);
  expect(stageUndo(where)).toBeUndefined();
});

test('so it is when it is undone: a file that was taken away already comes back', () => {
  stageSetUp(where, plan()).commit();
  const before = texts();
  const undo = stageUndo(where);
  const edited = `${readFileSync(files.toml, 'utf8')}# edited\n`;
  writeFileSync(files.toml, edited);
  expect(thrownBy(() => undo?.commit())).toMatchObject({ code: 'busy' });
  expect(texts()).toEqual([...before.slice(0, 3), edited]);
  stageUndo(where)?.commit();
  expect(texts()).toEqual([undefined, undefined, '{\n  "theirs": 1\n}\n', 'model = "x"\n# edited\n']);
});

test('what is ours in a file that a newer plan has no part in goes; a file of ours that became another too', () => {
  stageSetUp(where, plan()).commit();
  writeFileSync(files.json, readFileSync(files.json, 'utf8').replace('"theirs": 1', '"theirs": 2'));
  const { targets } = plan();
  stageSetUp(where, { targets: targets.slice(3), notes: [] }).commit();
  expect(texts()).toEqual([
    undefined,
    undefined,
    '{\n  "theirs": 2\n}\n',
    expect.stringContaining('[mcp_servers.ipc]'),
  ]);
});

test('a book of what was written that cannot be read is named, and no settings are touched', () => {
  const before = texts();
  mkdirSync(home.paths.setup, { recursive: true });
  writeFileSync(`${home.paths.setup}/written.json`, '{"version": 1, "hosts":');
  expect(thrownBy(() => stageSetUp(where, plan()))).toMatchObject({ code: 'invalid_data' });
  expect(texts()).toEqual(before);
});
