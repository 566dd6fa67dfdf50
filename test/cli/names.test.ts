/** Who a command acts as: what it tells the daemon, and what it writes down for the next one. */
import { describe, expect, test } from 'bun:test';
import { readdir } from 'node:fs/promises';
import type { Opening } from '../../src/core/broker.ts';
import { Failure } from '../../src/protocol/failures.ts';
import type { Request } from '../../src/protocol/operations.ts';
import { fakeServer, type FakeServer } from '../support/fake-server.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { runIpc } from '../support/processes.ts';

const SESSION = { CLAUDE_CODE_SESSION_ID: '5f0c0000-0000-4000-8000-000000000001' };
const sent = { id: '0198f3c2-7a10-7bbb-8ccc-000000000001', thread: 't', duplicate: false, deliveries: [] };

/** Takes any name but those held, which it answers with the next one. */
function registry(home: TestHome, held: readonly string[] = []) {
  const registered: Request<'register'>[] = [];
  let next = 1;
  const server = fakeServer(home, {
    register: async (request: Request<'register'>) => {
      if (request.name !== undefined && held.includes(request.name))
        throw new Failure('name_live', `${request.name} is held`, {
          details: { suggestion: `${request.name}-2` },
        });
      registered.push(request);
      const name = request.name ?? `agent-${next++}`;
      return { name, created: true, waiting: 3, held: 0, others: ['ann', 'bob'] };
    },
    rename: async ({ name }: Request<'rename'>) => ({
      from: 'agent-1',
      to: name,
      forwardsUntil: '2026-08-22T14:00:00.000Z',
      told: 0,
    }),
    send: async () => sent,
    who: async () => ({ agents: [] }),
  });
  return { registered, server };
}

const names = ({ openings }: FakeServer): (string | undefined)[] =>
  openings.map(({ credential }: Opening) => credential?.name);

describe('register', () => {
  test('binds this session: the next command acts as that name, with its key', async () => {
    await using home = await temporaryHome(SESSION);
    const { registered, server } = registry(home);
    await using _server = server;
    const { stdout } = await runIpc(home, ['register', 'gemini', '--about', 'the parser']);
    expect(stdout).toBe('Registered as gemini, 3 waiting; here: ann, bob\n');
    await runIpc(home, ['send', 'bob', 'hi']);
    expect(names(server)).toEqual([undefined, 'gemini']);
    expect(server.openings[1]?.credential?.key).toBe(registered[0]?.key ?? 'none');
    expect(registered[0]).toMatchObject({ about: 'the parser', kind: 'agent' });
  });

  test('takes the name that is suggested when a live session holds the wished one, and says so', async () => {
    await using home = await temporaryHome(SESSION);
    const { server } = registry(home, ['gemini', 'gemini-2']);
    await using _server = server;
    const { code, stdout, stderr } = await runIpc(home, ['register', 'gemini']);
    expect(code).toBe(0);
    expect(stdout).toContain('Registered as gemini-2-2');
    expect(stderr).toContain('gemini is held by a live session');
    // The keys were made before the names were asked for. One that is live may be so with that very key, by
    // somebody who registered at the same moment: it is not taken away.
    expect((await readdir(home.paths.keys)).toSorted()).toEqual(['gemini', 'gemini-2', 'gemini-2-2']);
  });

  test('again uses the key that was kept', async () => {
    await using home = await temporaryHome(SESSION);
    const { registered, server } = registry(home);
    await using _server = server;
    await runIpc(home, ['register', 'gemini']);
    await runIpc(home, ['register', 'gemini']);
    expect(registered[1]?.key).toBe(registered[0]?.key ?? 'none');
  });
});

describe('a session of an agent program that nobody named', () => {
  test('becomes agent-N with its first message, once, even when commands race', async () => {
    await using home = await temporaryHome(SESSION);
    const { registered, server } = registry(home);
    await using _server = server;
    const codes = await Promise.all(Array.from({ length: 4 }, () => runIpc(home, ['send', 'bob', 'hi'])));
    expect(codes.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(registered).toHaveLength(1);
    expect(new Set(names(server))).toEqual(new Set([undefined, 'agent-1']));
    expect(await readdir(home.paths.keys)).toEqual(['agent-1']);
  });

  test('is not named by looking around', async () => {
    await using home = await temporaryHome(SESSION);
    const { registered, server } = registry(home);
    await using _server = server;
    await runIpc(home, ['who']);
    expect(registered).toEqual([]);
    expect(names(server)).toEqual([undefined]);
  });

  test('is renamed with its binding and its key', async () => {
    await using home = await temporaryHome(SESSION);
    const { server } = registry(home);
    await using _server = server;
    await runIpc(home, ['send', 'bob', 'hi']);
    await runIpc(home, ['rename', 'fred']);
    await runIpc(home, ['send', 'bob', 'hi']);
    expect(names(server).at(-1)).toBe('fred');
    expect((await readdir(home.paths.keys)).toSorted()).toEqual(['agent-1', 'fred']);
  });
});

describe('a user without a session', () => {
  test('who renamed goes on under the new name in this shell; IPC_AGENT must be changed', async () => {
    await using home = await temporaryHome();
    const { server } = registry(home);
    await using _server = server;
    const lent = await runIpc(home, ['rename', 'eve-2'], { variables: { IPC_AGENT: 'eve' } });
    expect(lent.stderr).toContain('export IPC_AGENT=eve-2');
    await runIpc(home, ['send', 'bob', 'hi']);
    expect((await runIpc(home, ['rename', 'fred'])).stderr).toBe('');
    await runIpc(home, ['send', 'bob', 'hi']);
    expect(names(server)).toEqual(['eve', 'tester', 'tester', 'fred']);
  });

  test('acts as $USER, as IPC_AGENT before that, as --as before all', async () => {
    await using home = await temporaryHome();
    const { server } = registry(home);
    await using _server = server;
    await runIpc(home, ['send', 'bob', 'hi']);
    await runIpc(home, ['send', 'bob', 'hi'], { variables: { IPC_AGENT: 'eve' } });
    await runIpc(home, ['send', 'bob', 'hi', '--as', 'ann'], { variables: { IPC_AGENT: 'eve' } });
    expect(names(server)).toEqual(['tester', 'eve', 'ann']);
    expect(server.openings.map(({ borrowed }) => borrowed === true)).toEqual([false, false, true]);
  });

  test('makes no agent by looking who is there', async () => {
    await using home = await temporaryHome();
    const { server } = registry(home);
    await using _server = server;
    await runIpc(home, ['who']);
    expect(names(server)).toEqual([undefined]);
  });
});
