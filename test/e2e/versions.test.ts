/** Two versions at once: the previous release beside a later one, as clients, as daemons and on one store (design §4). */
import { Database } from 'bun:sqlite';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, lines, openMachine, type Machine } from './machine.ts';
import { FORMER, openNeighbours, openVersions, type Versions } from './versions.ts';

let versions: Versions;
beforeAll(async () => {
  versions = await openVersions();
}, 60_000);
afterAll(() => versions[Symbol.asyncDispose]());

interface Status {
  readonly pid: number;
  readonly version: string;
  readonly schema: number;
}

const former = () => ({ binary: versions.former });
const current = () => ({ binary: versions.current });

async function status(machine: Machine, binary: string): Promise<Status> {
  return machine.json<Status>(['daemon', 'status'], { binary });
}

async function bodies(machine: Machine, name: string, binary: string): Promise<string[]> {
  const { messages } = await machine.json<{ messages: { body: string }[] }>(
    ['check', '--as', name, '--all', '--limit', '500'],
    { binary },
  );
  return messages.map(({ body }) => body);
}

test('every hot verb of the former client works with the current daemon', async () => {
  await using machine = await openMachine();
  await machine.ok(['daemon', 'start'], current());
  const { pid } = await status(machine, versions.current);
  const { id } = await machine.json<{ id: string }>(['send', 'bob', 'hello', '--as', 'ann'], former());
  expect(await machine.ok(['check', '--as', 'bob', '--peek'], former())).toContain('hello');
  expect(await bodies(machine, 'bob', versions.former)).toEqual(['hello']);
  await machine.ok(['reply', id, 'hello yourself', '--as', 'bob'], former());
  expect(await machine.ok(['receipts', id, '--as', 'ann'], former())).toContain('acked');
  const asked = machine.run(['ask', 'bob', 'which port?', '--as', 'ann', '--timeout', '20'], former());
  const question = await eventually(async () => {
    const { messages } = await machine.json<{ messages: { id: string }[] }>(
      ['check', '--as', 'bob'],
      former(),
    );
    return messages[0];
  });
  await machine.ok(['reply', question.id, '8080', '--as', 'bob'], current());
  expect(await asked).toMatchObject({ code: 0, stdout: '8080\n' });
  await machine.ok(['topic', 'join', '#news', '--as', 'bob'], former());
  await machine.ok(['send', '#news', 'in the topic', '--as', 'ann'], former());
  await machine.ok(['send', 'bob', '-', '--as', 'ann'], { ...former(), stdin: 'long '.repeat(30_000) });
  await machine.ok(['rename', 'bobby', '--as', 'bob'], former());
  expect(await machine.ok(['check', '--as', 'bobby', '--all'], former())).toContain('in the topic');
  for (const verb of [
    ['who', '--all'],
    ['history', '--as', 'ann'],
    ['export', '--as', 'ann'],
  ])
    expect(await machine.ok(verb, former())).toContain('bob');
  expect(await machine.ok(['search', 'yourself', '--as', 'ann'], former())).toContain('yourself');
  expect(await machine.ok(['whoami', '--as', 'ann'], former())).toContain('by --as');
  // Obeyed, not fought.
  expect(await status(machine, versions.former)).toMatchObject({ pid, version: versions.currentVersion });
}, 60_000);

test('the current client replaces the former daemon, and finds what that one stored', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before'], former());
  const before = await status(machine, versions.current);
  expect(before).toMatchObject({ version: FORMER.version, schema: FORMER.schema });
  await machine.ok(['send', 'bob', 'after'], current());
  const after = await status(machine, versions.former);
  expect(after.version).toBe(versions.currentVersion);
  expect(after.pid).not.toBe(before.pid);
  expect(await bodies(machine, 'bob', versions.current)).toEqual(['before', 'after']);
  expect(await machine.json(['doctor'], current())).toMatchObject({ ok: true });
});

test('a home that sees the former program again works, or says that its store is too new for it', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'by the current one'], current());
  const { schema } = await status(machine, versions.current);
  await machine.ok(['daemon', 'stop'], current());
  const ran = await machine.run(['send', 'bob', 'by the former one', '--json'], former());
  if (schema === FORMER.schema) {
    expect(ran.code).toBe(0);
    expect(await status(machine, versions.former)).toMatchObject({ version: FORMER.version });
    expect(await bodies(machine, 'bob', versions.former)).toEqual([
      'by the current one',
      'by the former one',
    ]);
    return;
  }
  expect(ran.code).toBe(69);
  expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: 'store_newer' } });
  expect(await bodies(machine, 'bob', versions.current)).toEqual(['by the current one']);
});

test.each(['former', 'current'] as const)(
  'a store of a later schema is refused by the %s program, and left as it is',
  async (which) => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'before'], current());
    await machine.ok(['daemon', 'stop'], current());
    const path = join(machine.home, 'ipc.db');
    const raise = (version: number): void => {
      using store = new Database(path);
      store.run(`PRAGMA user_version = ${version}`);
    };
    const { schema } = await (async () => {
      using store = new Database(path);
      return {
        schema: store.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version ?? 0,
      };
    })();
    raise(99);
    const there = Bun.hash(readFileSync(path));
    for (const command of [
      ['send', 'bob', 'x'],
      ['check', '--as', 'bob'],
      ['daemon', 'start'],
      ['daemon', 'run'],
    ]) {
      const ran = await machine.run([...command, '--json'], { binary: versions[which] });
      expect(ran.code).toBe(69);
      expect(ran.stdout).toContain('"store_newer"');
      expect(ran.stdout).toContain('made by a newer ipc');
    }
    expect(Bun.hash(readFileSync(path))).toBe(there);
    raise(schema);
    expect(await bodies(machine, 'bob', versions.current)).toEqual(['before']);
  },
);

/** A program's MCP server, spoken to line by line. */
function mcp(machine: Machine, name: string, binary: string) {
  const child = machine.start(['mcp', '--as', name], { binary });
  const answers = lines(child.stdout);
  let last = 0;
  const ask = async (method: string, params: object): Promise<Record<string, unknown>> => {
    const id = (last += 1);
    await child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    await child.stdin.flush();
    for (;;) {
      const { value = '{}' } = await answers.next();
      const answer = JSON.parse(value) as Record<string, unknown>;
      if (answer['id'] === id) return answer;
    }
  };
  const clientInfo = { name: 'test', version: '1' };
  return {
    begin: async () => {
      await ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
      await child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
      await child.stdin.flush();
    },
    tool: async (tool: string, input: object) =>
      JSON.stringify(await ask('tools/call', { name: tool, arguments: input })),
    alive: () => child.exitCode === null,
  };
}

/** Two servers of the former version and a watcher of each see the current daemon come, and `more` happen to it. */
async function sessionsSeeThrough(of: Versions, more: (machine: Machine) => Promise<void>): Promise<void> {
  await using machine = await openMachine();
  const ofFormer = { binary: of.former };
  await machine.ok(['send', 'bob', 'first'], ofFormer);
  const servers = [mcp(machine, 'ann', of.former), mcp(machine, 'cyd', of.former)];
  for (const server of servers) await server.begin();
  const [ann, cyd] = servers;
  const seen: Record<string, string[]> = { former: [], current: [] };
  for (const [which, binary] of [
    ['former', of.former],
    ['current', of.current],
  ] as const) {
    const child = machine.start(['watch', '--as', 'bob', '--json'], { binary });
    void (async () => {
      for await (const line of lines(child.stdout))
        seen[which]?.push((JSON.parse(line) as { message: { body: string } }).message.body);
    })();
  }
  const watching = (count: number) =>
    eventually(async () => {
      const { agents } = await machine.json<{ agents: { name: string; sessions: unknown[] }[] }>(
        ['who'],
        ofFormer,
      );
      return agents.find(({ name, sessions }) => name === 'bob' && sessions.length >= count);
    });
  // The watcher of the current version has replaced the daemon by coming; the former one's went along.
  await watching(2);
  expect((await status(machine, of.former)).version).toBe(of.currentVersion);
  expect(await ann?.tool('send', { to: 'bob', text: 'one' })).toContain('sent to bob');
  expect(await cyd?.tool('send', { to: 'bob', text: 'two' })).toContain('sent to bob');
  await more(machine);
  await watching(2);
  expect(await ann?.tool('send', { to: 'cyd', text: 'three' })).toContain('sent to cyd');
  expect(await cyd?.tool('check', {})).toContain('three');
  expect(await cyd?.tool('send', { to: 'bob', text: 'four' })).toContain('sent to bob');
  await eventually(async () => (Object.values(seen).every((all) => all.length >= 3) ? true : undefined));
  expect(seen).toEqual({ former: ['one', 'two', 'four'], current: ['one', 'two', 'four'] });
  expect(servers.every((server) => server.alive())).toBe(true);
  expect(await bodies(machine, 'bob', of.former)).toEqual(['first', 'one', 'two', 'four']);
}

test(
  'sessions of both versions that stay open see the hand-over through',
  () => sessionsSeeThrough(versions, async () => {}),
  60_000,
);

// Whose schema is another, like that of the former release, may find nobody but itself to start a daemon.
test('those of two versions that read one schema see restarts through as well', async () => {
  await using neighbours = await openNeighbours();
  await sessionsSeeThrough(neighbours, async (machine) => {
    for (const binary of [neighbours.current, neighbours.former, neighbours.current])
      await machine.ok(['daemon', 'restart'], { binary });
  });
}, 60_000);
