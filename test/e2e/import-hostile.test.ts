/** `ipc import` of files that are damaged, in use, of others, or full of what nobody should have written. */
import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { chmod, mkdir, readdir, symlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { claudeIpcMcp, mcpRelay, type OldMessage } from '../support/old-systems.ts';
import { command, imported, oldBroker, waiting } from './import-machine.ts';
import { eventually, lines, openMachine } from './machine.ts';

/** Names, sizes, times and bytes of what is in a folder. */
async function stateOf(folder: string): Promise<string> {
  const rows: string[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const file = Bun.file(join(folder, name));
    rows.push(`${name} ${file.lastModified} ${Bun.hash(await file.bytes())}`);
  }
  return rows.join('\n');
}

describe('rows', () => {
  test('whatever a row says, its message comes and the others with it', async () => {
    await using machine = await openMachine();
    const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
    const odd: readonly OldMessage[] = [
      { id: -9_000_000_000_000_000_000n, content: 'the first of all' },
      { content: 'a\0b\x1b[31m\u{202e}c' },
      { content: bytes('caf\xe9 \xff') },
      { content: bytes('plain bytes') },
      { content: 4711, from: bytes('fred'), read: 'no number' },
      { content: 'null bytes', data: bytes('{"a":"\xff"}') },
      { content: 'x'.repeat(10_000_000) },
      { content: '\0'.repeat(60_000) },
      { content: 'broken', data: '{"a":' },
      { content: 'exact', data: '{"n":12345678901234567890}' },
      { content: 'deep', data: '['.repeat(5_000) + ']'.repeat(5_000) },
      { content: 'much', data: JSON.stringify({ text: 'y'.repeat(900_000) }) },
      { content: 'proto', data: '{"__proto__":{"a":1}}' },
      { content: '' },
      ...['yesterday', '', '2026-13-45T99:99:99', '9999-01-01T00:00:00', '-0001-01-01T00:00:00', '0'].map(
        (timestamp) => ({ timestamp, content: `at ${timestamp}` }),
      ),
      { id: 9_000_000_000_000_000_000n, content: 'the last of all', timestamp: 1_700_000_000 },
    ];
    claudeIpcMcp(oldBroker(machine), odd);
    const report = await imported(machine);
    expect(report.sources[0]).toMatchObject({ added: odd.length, known: 0 });
    expect(report.sources[0]?.remarks.toSorted((one, other) => (one.remark < other.remark ? -1 : 1))).toEqual(
      [
        { remark: 'bytes', count: 2 },
        { remark: 'data', count: 4 },
        { remark: 'time', count: 7 },
      ],
    );
    const { messages } = await waiting(machine);
    const found = (body: string) => messages.find((message) => message.body === body);
    expect(messages).toHaveLength(odd.length - 1);
    expect(messages[0]?.body).toBe('the first of all');
    expect(messages.at(-1)?.body).toBe('the last of all');
    expect(found('a\0b\x1b[31m\u{202e}c')).toBeDefined();
    expect(found('caf� �')).toBeDefined();
    expect(found('plain bytes')).toBeDefined();
    const long = messages.find(({ body }) => body.startsWith('xxx'));
    expect(long?.bodyBlob?.size).toBe(10_000_000);
    expect(found('broken')?.data).toBe('{"a":');
    expect(found('exact')?.data).toBe('{"n":12345678901234567890}');
    expect(found('deep')?.data).toBe('['.repeat(5_000) + ']'.repeat(5_000));
    const attached = found('much')?.attachments?.[0];
    expect(await Bun.file(attached?.path ?? '').json()).toEqual({ text: 'y'.repeat(900_000) });
    expect(JSON.stringify(found('proto')?.data)).toBe('{"__proto__":{"a":1}}');
    // Order is that of the rows; a time that cannot be read is that of the row before.
    expect(found('at yesterday')?.sentAt).toBe('2026-03-04T05:06:07.123Z');
    expect((await imported(machine)).sources[0]).toMatchObject({ added: 0, known: odd.length });
  });

  test('of mcp-relay only what one of its two sides wrote', async () => {
    await using machine = await openMachine();
    const file = join(machine.directory, 'relay.db');
    mcpRelay(file, [
      { sender: 'desktop', message: 'one' },
      { sender: 'eve', message: 'two' },
      { sender: 'DESKTOP', message: 'three', timestamp: 'never' },
      { sender: 'code', message: new Uint8Array([0xff]), desktopAt: 'garbage', timestamp: 'never' },
    ]);
    expect((await imported(machine, [file])).sources[0]).toMatchObject({ added: 2, left: 2 });
    expect((await waiting(machine, 'code')).messages.map(({ body }) => body)).toEqual(['one']);
    expect((await waiting(machine, 'desktop')).messages).toEqual([]);
  });

  test('of an old version without some columns and tables, in UTF-16, with nothing where something should be', async () => {
    await using machine = await openMachine();
    const file = join(machine.directory, 'old.db');
    {
      using database = new Database(file, { create: true });
      database.run("PRAGMA encoding = 'UTF-16le'");
      database.run('CREATE TABLE messages (from_id, to_id, content, timestamp, read_flag)');
      const insert = database.prepare('INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5)');
      insert.run('frëd', 'nessa', 'grüße 🦊', '2026-01-03 00:00:00', null);
      insert.run(null, 'nessa', null, null, 0);
      insert.run('fred', null, 'to nobody', '2026-01-03T00:00:00+02:00', 0.0);
    }
    const report = await imported(machine, [file]);
    expect(report.sources[0]).toMatchObject({ added: 3, remarks: [{ remark: 'time', count: 1 }] });
    const { messages } = await waiting(machine);
    expect(messages.map(({ body, sentAt }) => [body, sentAt])).toEqual([
      ['grüße 🦊', '2026-01-03T00:00:00.000Z'],
      ['', '2026-01-03T00:00:00.000Z'],
    ]);
    expect((await waiting(machine, 'unnamed')).messages).toMatchObject([
      { body: 'to nobody', sentAt: '2026-01-02T22:00:00.000Z' },
    ]);
  });

  test('a kernel or a webhook of that name is given nothing', async () => {
    await using machine = await openMachine();
    await machine.ok(['webhook', 'add', 'nessa', '--to', 'ann', '--verify', 'bearer']);
    claudeIpcMcp(oldBroker(machine), [{ content: 'for the nessa of before' }, { read: 1 }]);
    const report = await imported(machine);
    expect(report.sources[0]).toMatchObject({ added: 2, refused: ['nessa'] });
  });
});

describe('files', () => {
  test('what is no file of either system is refused in words, and changed by nothing', async () => {
    await using machine = await openMachine();
    const at = (name: string): string => join(machine.directory, name);
    await Bun.write(at('text.db'), 'SQLite format 2, or so');
    await Bun.write(at('empty.db'), '');
    await mkdir(at('folder.db'));
    Bun.spawnSync(['mkfifo', at('pipe.db')]);
    await symlink(at('nowhere'), at('dangling.db'));
    for (const [name, schema] of [
      ['foreign.db', 'CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT)'],
      [
        'view.db',
        'CREATE VIEW messages AS WITH RECURSIVE n(from_id) AS (SELECT 1 UNION ALL SELECT from_id FROM n) SELECT from_id, 1 AS to_id, 1 AS content, 1 AS timestamp, 1 AS read_flag FROM n',
      ],
      ['other.db', 'CREATE TABLE contacts (name TEXT)'],
    ] as const) {
      using database = new Database(at(name), { create: true });
      database.run(schema);
    }
    claudeIpcMcp(
      at('damaged.db'),
      Array.from({ length: 500 }, () => ({ content: 'z'.repeat(300) })),
    );
    const damaged = await Bun.file(at('damaged.db')).bytes();
    damaged.fill(0x55, 8_192, 20_000);
    await Bun.write(at('damaged.db'), damaged);
    claudeIpcMcp(
      at('short.db'),
      Array.from({ length: 500 }, () => ({ content: 'z'.repeat(300) })),
    );
    await truncate(at('short.db'), 30_000);
    await machine.ok(['who']);

    const refusals: [string, number, string][] = [
      ['gone.db', 66, 'there is none'],
      ['dangling.db', 66, 'there is none'],
      ['folder.db', 66, 'it is a folder'],
      ['pipe.db', 66, 'it is no plain file'],
      ['text.db', 65, 'wanted a file of SQLite, found something else'],
      ['empty.db', 65, 'wanted a file of SQLite, found something else'],
      ['foreign.db', 65, 'found messages with other columns (id, body)'],
      ['view.db', 65, 'found no messages'],
      ['other.db', 65, 'found no messages'],
      ['damaged.db', 65, 'damaged'],
      ['short.db', 65, 'damaged'],
      [join(machine.home, 'ipc.db'), 65, "ipc's own: that is for ipc backup"],
    ];
    const regular = (await readdir(machine.directory)).filter((name) => !/folder|pipe|dangling/.test(name));
    const before = await Promise.all(regular.map(async (name) => Bun.hash(await Bun.file(at(name)).bytes())));
    for (const [name, code, words] of refusals) {
      const run = await machine.terminal(['import', '--quiet', name.startsWith('/') ? name : at(name)]);
      expect([name, run.code, run.stdout.includes(words)]).toEqual([name, code, true]);
    }
    expect(
      await Promise.all(regular.map(async (name) => Bun.hash(await Bun.file(at(name)).bytes()))),
    ).toEqual(before);
    expect(await machine.json(['daemon', 'status'])).toMatchObject({ messages: 0 });
    expect(await readdir(join(machine.home, 'blobs/staging'))).toEqual([]);
  });

  test('without a file of either there is one answer; one that cannot be read keeps none from the other', async () => {
    await using machine = await openMachine();
    const none = await machine.terminal(['import']);
    expect([none.code, none.stdout.includes('.relay_buffer.db; there is neither')]).toEqual([66, true]);
    await Bun.write(oldBroker(machine), 'no database');
    mcpRelay(join(machine.userHome, '.relay_buffer.db'), [{ sender: 'code', message: 'kept' }]);
    const { code, stdout } = await machine.terminal(command([]));
    const [json = ''] = stdout.split('\r\n');
    expect(code).toBe(65);
    expect(JSON.parse(json)).toMatchObject({
      sources: [{ system: 'mcp-relay', added: 1 }],
      failed: [{ file: oldBroker(machine), failure: { code: 'invalid_data' } }],
    });
  });

  test('a link leads to its file, and a log that was not taken in yet is read', async () => {
    await using machine = await openMachine();
    const real = join(machine.directory, 'real');
    await mkdir(real);
    const file = join(real, 'messages.db');
    claudeIpcMcp(file, [{ content: 'in the file' }]);
    using database = new Database(file);
    database.run('PRAGMA journal_mode = WAL');
    database.run('PRAGMA wal_autocheckpoint = 0');
    database.run(
      "INSERT INTO messages (from_id, to_id, content, timestamp) VALUES ('fred', 'nessa', 'in the log', '2026-03-05T00:00:00')",
    );
    const link = join(machine.directory, 'link.db');
    await symlink(file, link);
    // Others may only look, even where SQLite would want to write.
    await chmod(real, 0o500);
    const before = await stateOf(real);
    await imported(machine, [link]);
    expect(await stateOf(real)).toBe(before);
    await chmod(real, 0o700);
    expect((await waiting(machine)).messages.map(({ body }) => body)).toEqual(['in the file', 'in the log']);
  });

  test('a file that somebody has locked is read as it was before, and stays locked', async () => {
    await using machine = await openMachine();
    const file = oldBroker(machine);
    claudeIpcMcp(file, [{ content: 'committed' }]);
    using owner = new Database(file);
    owner.run('BEGIN EXCLUSIVE');
    owner.run(
      "INSERT INTO messages (from_id, to_id, content, timestamp) VALUES ('fred', 'nessa', 'not yet', '2026-03-05T00:00:00')",
    );
    const before = await stateOf(join(machine.userHome, '.claude-ipc-data'));
    expect((await imported(machine)).sources[0]).toMatchObject({ added: 1 });
    expect(await stateOf(join(machine.userHome, '.claude-ipc-data'))).toBe(before);
    owner.run('COMMIT');
    expect((await imported(machine)).sources[0]).toMatchObject({ added: 1, known: 1 });
    expect((await waiting(machine)).messages.map(({ body }) => body)).toEqual(['committed', 'not yet']);
  });

  test('an old broker that writes on is read at a moment of rest or not at all; killed in the middle of a write, to the last commit', async () => {
    await using machine = await openMachine();
    const file = oldBroker(machine);
    claudeIpcMcp(file, [{ content: 'message 0' }]);
    const script = `
      const { Database } = require('bun:sqlite');
      const database = new Database(${JSON.stringify(file)});
      const insert = database.prepare("INSERT INTO messages (from_id, to_id, content, timestamp) VALUES ('fred', 'nessa', ?1, '2026-03-05T00:00:00')");
      for (let n = 1; ; n += 1) { insert.run('message ' + n); console.log(n); }`;
    const broker = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' });
    const acknowledged: string[] = [];
    const ended = (async () => {
      for await (const line of lines(broker.stdout)) acknowledged.push(line);
    })();
    await eventually(async () => acknowledged.at(5));
    const meanwhile = await machine.terminal(['import', '--quiet']);
    // On a busy machine the broker has to rest now and then.
    if (meanwhile.code !== 0)
      expect([meanwhile.code, meanwhile.stdout.includes('it is written to all the time')]).toEqual([
        75,
        true,
      ]);
    broker.kill('SIGKILL');
    await ended;
    const last = Number(acknowledged.at(-1));
    const { added, known } = (await imported(machine)).sources[0] ?? { added: 0, known: 0 };
    // With the one from before, and perhaps one more that nobody was told of.
    expect(added + known).toBeGreaterThan(last);
    const bodies = (await waiting(machine)).messages.map(({ body }) => body);
    expect(bodies).toEqual(bodies.map((_, index) => `message ${index}`));
    expect(bodies).toHaveLength(added + known);
  }, 60_000);
});
