/** What `/mcp` does not lose: streams cut at random, `serve` and the daemon killed under it. */
import { describe, expect, test } from 'bun:test';
import { cuttingProxy, seeded } from '../support/cutting-proxy.ts';
import { Caller, openDoor } from './http-door.ts';
import { openHttpMcp, reachable, tokenFor } from './http-mcp-client.ts';
import { eventually, openMachine } from './machine.ts';

const CUTS = 200;

describe('a stream that is cut', () => {
  test(`${CUTS} times at random shows every message once, in order, and the name stays (I1, I2, I7)`, async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    using proxy = cuttingProxy(door.port, seeded(20_261_121), CUTS);
    await using coder = await openHttpMcp(proxy.url, await tokenFor(machine, 'coder'));
    await using sender = await openHttpMcp(door.url, await tokenFor(machine, 'sender'), { channel: false });
    await reachable(machine, 'coder');
    const script = await Caller.of(machine, door, 'script');
    const sent: string[] = [];
    // Both directions at once: what comes back is written by the one whose stream is cut.
    const back: string[] = [];
    while (proxy.cuts() < CUTS) {
      const text = `message ${sent.length}`;
      await script.done('/v1/send', { to: ['coder'], body: text });
      sent.push(text);
      if (sent.length % 50 === 0) {
        back.push(`answer ${sent.length}`);
        await coder.text('send', { to: 'sender', text: `answer ${sent.length}` });
      }
      if (sent.length > 20 * CUTS) throw new Error(`only ${proxy.cuts()} cuts`);
    }
    await eventually(async () => (coder.pushed.length >= sent.length ? true : undefined), 20_000);
    const seen = coder.pushed.map(({ content }) => content);
    expect(seen).toEqual(sent);
    expect(await coder.text('register')).toStartWith('You are coder.');
    const answers = await sender.text('history', { limit: 200 });
    for (const text of back) expect(answers).toContain(text);
  }, 60_000);
});

describe('a server that is killed', () => {
  test('has its sessions begin again under their names, with nothing lost', async () => {
    await using machine = await openMachine();
    const first = await openDoor(machine);
    const [own, shared] = [await tokenFor(machine, 'bob'), await tokenFor(machine, 'tester')];
    const headers = { 'ipc-session': 'the window on the left' };
    {
      await using bob = await openHttpMcp(first.url, own);
      await using coder = await openHttpMcp(first.url, shared, { headers });
      await bob.text('register', { name: 'robert' });
      await coder.text('register', { name: 'coder' });
      await reachable(machine, 'robert');
      await reachable(machine, 'coder');
      first.child.kill('SIGKILL');
      await first.child.exited;
    }
    for (const to of ['robert', 'coder']) await machine.ok(['send', '--as', 'alice', to, `waits for ${to}`]);
    const second = await openDoor(machine, ['--port', String(first.port)]);
    // A client that does not know it yet is told so, and begins again.
    const stale = await fetch(`${second.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${own}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': 'of-before',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });
    expect(stale.status).toBe(404);
    await using coder = await openHttpMcp(second.url, shared, { headers });
    await using bob = await openHttpMcp(second.url, own);
    await eventually(async () => (bob.pushed.length + coder.pushed.length === 2 ? true : undefined));
    expect(bob.pushed[0]?.content).toBe('waits for robert');
    expect(coder.pushed[0]?.content).toBe('waits for coder');
    expect(await bob.text('check')).toContain('waits for robert');
    expect(await coder.text('check')).toContain('waits for coder');
  });

  test('being told to end, it lets a call finish', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    await using bob = await openHttpMcp(door.url, await tokenFor(machine, 'bob'));
    await reachable(machine, 'bob');
    const waiting = bob.text('check', { wait: 2 });
    await eventually(async () => ((await machine.ok(['who', 'bob'])).includes('tool') ? true : undefined));
    const stopped = door.stop();
    expect(await waiting).toContain('Nothing new');
    expect(await stopped).toBe(0);
  });

  test('being told to end, it leaves what it had not handed over to the next', async () => {
    await using machine = await openMachine();
    const first = await openDoor(machine);
    const token = await tokenFor(machine, 'bob');
    {
      await using bob = await openHttpMcp(first.url, token);
      await reachable(machine, 'bob');
      await machine.ok(['send', '--as', 'alice', 'bob', 'shown, not handed over']);
      await eventually(async () => (bob.pushed.length === 1 ? true : undefined));
      const waiting = bob.text('check', { from: 'carol', wait: 2 });
      await eventually(async () => ((await machine.ok(['who', 'bob'])).includes('tool') ? true : undefined));
      const stopped = first.stop();
      // Sent while it ends: its streams are closed, and the one call under way wants carol's mail alone.
      await eventually(async () => (first.log().includes('stopping') ? true : undefined));
      await machine.ok(['send', '--as', 'alice', 'bob', 'came too late']);
      expect(await waiting).not.toContain('came too late');
      expect(await stopped).toBe(0);
      expect(bob.pushed.map(({ content }) => content)).toEqual(['shown, not handed over']);
    }
    const second = await openDoor(machine);
    await using bob = await openHttpMcp(second.url, token);
    const handed = await bob.text('check');
    expect(handed).toContain('shown, not handed over');
    expect(handed).toContain('came too late');
    expect(await bob.text('check')).toContain('Nothing new');
  }, 20_000);

  test('being told to end, it ends though the daemon does not answer', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'bob');
    const bob = await openHttpMcp(door.url, token, { channel: false });
    const other = await openHttpMcp(door.url, token, { channel: false });
    const script = await Caller.of(machine, door, 'script');
    await bob.text('register');
    const daemon = await machine.daemonPid();
    process.kill(daemon, 'SIGSTOP');
    try {
      const calls = [bob, other].map(({ client }) => client.callTool({ name: 'register', arguments: {} }));
      const answers = Promise.allSettled([...calls, script.post('/v1/who', {})]);
      // Behind them on its way: when it is answered, they have been taken.
      await bob.client.ping();
      expect(await door.stop()).toBe(0);
      await Promise.all([bob.client.close(), other.client.close()]);
      await answers;
    } finally {
      process.kill(daemon, 'SIGCONT');
    }
  }, 30_000);
});

describe('a daemon that is killed under it', () => {
  test('is there again for the next call; a call under way succeeds or says that it is not known', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    await using bob = await openHttpMcp(door.url, await tokenFor(machine, 'bob'));
    await reachable(machine, 'bob');
    const script = await Caller.of(machine, door, 'script');
    const sending = Array.from({ length: 20 }, async (_each, at) => {
      const { status, body } = await script.post('/v1/send', { to: ['bob'], body: `number ${at}` });
      return { status, body, text: `number ${at}` };
    });
    process.kill(await machine.daemonPid(), 'SIGKILL');
    const answers = await Promise.all(sending);
    for (const { status } of answers) expect([200, 503]).toContain(status);
    const done = answers.filter(({ status }) => status === 200).map(({ text }) => text);
    expect(await bob.text('who')).toContain('bob');
    await reachable(machine, 'bob');
    await machine.ok(['send', '--as', 'alice', 'bob', 'after it']);
    await eventually(async () => bob.pushed.find(({ content }) => content === 'after it'));
    const seen = bob.pushed.map(({ content }) => content);
    expect(seen).toEqual([...new Set(seen)]);
    for (const text of done) expect(seen).toContain(text);
  });
});
