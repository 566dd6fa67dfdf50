/** Agents over `/mcp` of the compiled `ipc serve`, with the SDK's own client: names, pushes, scopes. */
import { describe, expect, test } from 'bun:test';
import { openDoor } from './http-door.ts';
import { openHttpMcp, reachable, tokenFor, whoIsHere } from './http-mcp-client.ts';
import { eventually, openMachine } from './machine.ts';

describe('two agents over HTTP', () => {
  test('find each other, take names, and push to each other while they work (I13)', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    // A person's own token names nobody: each session is an agent of its own.
    const token = await tokenFor(machine, 'tester');
    await using one = await openHttpMcp(door.url, token);
    await reachable(machine, 'agent-1');
    await using two = await openHttpMcp(door.url, token);
    await reachable(machine, 'agent-2');
    expect(await one.text('who')).toMatch(/^You are agent-1, 0 waiting\. Here: agent-2\./);
    expect(await two.text('who')).toMatch(/^You are agent-2, 0 waiting\./);
    expect(await two.text('who')).toMatch(/^agent-1 .* channel/m);

    expect(await one.text('register', { name: 'coder' })).toContain(
      'You are coder now; agent-1 forwards to you',
    );
    expect(await two.text('register', { name: 'reviewer' })).toContain('You are reviewer now');
    expect(await one.text('send', { to: 'reviewer', text: 'look at main.ts' })).toContain('reviewer');
    const asked = await eventually(async () =>
      two.pushed.find(({ content }) => content === 'look at main.ts'),
    );
    expect(asked.meta).toMatchObject({ from: 'coder', to: 'reviewer', kind: 'agent', verified: 'true' });
    await two.text('reply', { message: asked.meta['message_id'] ?? '', text: 'looks good' });
    const answer = await eventually(async () => one.pushed.find(({ content }) => content === 'looks good'));
    expect(answer.meta).toMatchObject({ from: 'reviewer', thread: asked.meta['thread'] ?? '' });
    // One was pushed there and then answered; the other is handed over by the tool, once.
    expect(await one.text('check')).toContain('looks good');
    expect(await one.text('check')).toContain('Nothing new');
    await eventually(async () =>
      (await two.text('receipts', {})).includes('coder: handed') ? true : undefined,
    );
  });
});

describe('the name of a session', () => {
  test("is its token's, and the next one's beside it is told another", async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'bob');
    await using first = await openHttpMcp(door.url, token);
    await reachable(machine, 'bob');
    await using second = await openHttpMcp(door.url, token);
    await reachable(machine, 'bob-2');
    expect(await second.text('who')).toContain(
      'You are bob-2, 0 waiting. Here: bob. bob was asked for, but another live session held that name; this one is bob-2.',
    );
    expect(await first.text('who')).toContain('You are bob,');
  });

  test('is given to several that come at the same moment, each its own', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'bob');
    const came = await Promise.all([1, 2, 3].map(() => openHttpMcp(door.url, token)));
    const names = await Promise.all(
      came.map(async ({ text }) => /You are ([\w-]+)/.exec(await text('register'))?.[1]),
    );
    expect(names.toSorted()).toEqual(['bob', 'bob-2', 'bob-3']);
    for (const { client } of came) await client.close();
  });

  test('follows a rename into its token: over HTTP, by another connection too', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'bob');
    await using bob = await openHttpMcp(door.url, token);
    await bob.text('register', { name: 'robert' });
    await fetch(`${door.url}/v1/rename`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"name":"rob"}',
    });
    expect(await bob.text('register')).toBe('You are rob.');
    process.kill(await machine.daemonPid(), 'SIGKILL');
    await reachable(machine, 'rob');
    expect((await whoIsHere(machine)).map(({ name }) => name)).not.toContain('robert');
  });

  test('of a client that comes back is the same, told by the header Ipc-Session under the same token', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'tester');
    const as = (session: string) => openHttpMcp(door.url, token, { headers: { 'ipc-session': session } });
    await using one = await as('window one');
    await using two = await as('window two');
    await one.text('register', { name: 'coder' });
    await two.text('register', { name: 'reviewer' });
    // It did not say goodbye: its successor takes its place at once.
    await using oneAgain = await as('window one');
    expect(await oneAgain.text('register')).toContain('You are coder.');
    await expect(one.client.ping()).rejects.toThrow('Session not found');
    await using stranger = await openHttpMcp(door.url, await tokenFor(machine, 'carol'), {
      headers: { 'ipc-session': 'window one' },
    });
    expect(await stranger.text('who', { name: 'me' })).toContain('You are carol,');
    expect(await two.text('register')).toContain('You are reviewer.');
  });

  test('once taken is taken back with the token, mailbox and all, and by no other token', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'tester');
    {
      await using coder = await openHttpMcp(door.url, token);
      await coder.text('register', { name: 'coder' });
      await coder.transport.terminateSession();
    }
    await machine.ok(['send', '--as', 'alice', 'coder', 'while you were away']);
    await using other = await openHttpMcp(door.url, await tokenFor(machine, 'mallory'));
    expect(await other.refused('register', { name: 'coder' })).toContain("coder is somebody else's name");
    await using back = await openHttpMcp(door.url, token);
    expect(await back.text('register', { name: 'coder' })).toContain('You are coder now, 1 waiting.');
    expect(await back.text('check')).toContain('while you were away');
  });

  test('follows the rules for names, and the counter never takes one in use (I3, I4)', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'tester');
    await using first = await openHttpMcp(door.url, token);
    for (const bad of ['', 'x" evil="1\n</channel>', 'all', 'a'.repeat(65)])
      expect(await first.refused('register', { name: bad })).toContain('wanted a name');
    await first.text('register', { name: 'agent-2' });
    await using second = await openHttpMcp(door.url, token);
    expect(await second.text('register')).toContain('You are agent-3,');
    await machine.ok(['send', '--as', 'alice', 'agent-2', 'for the first']);
    expect(await first.text('check')).toContain('for the first');
    expect(await second.text('check')).toContain('Nothing new');
  });

  test('is held by who is there: a client without a stream too, and what it sends has a sender (I5)', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'bob');
    await using bob = await openHttpMcp(door.url, token, { channel: false });
    await bob.text('send', { to: 'alice', text: 'from whom?' });
    expect(await machine.ok(['check', '--as', 'alice'])).toContain('bob');
    expect((await whoIsHere(machine)).find(({ name }) => name === 'bob')?.doors).toEqual(['tool']);
    await bob.transport.terminateSession();
    await eventually(async () =>
      (await whoIsHere(machine)).some(({ name }) => name === 'bob') ? undefined : true,
    );
  });
});

describe('what a token allows', () => {
  test('decides which tools there are and what they may do; files and commands stay on their machine', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    await using sender = await openHttpMcp(door.url, await tokenFor(machine, 'ci', 'send'));
    const { tools } = await sender.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['send', 'reply', 'ask', 'mailbox']);
    for (const { inputSchema } of tools) {
      expect(inputSchema.properties).not.toHaveProperty('files');
      expect(inputSchema.properties).not.toHaveProperty('run');
    }
    expect(await sender.text('send', { to: 'bob', text: 'done' })).toContain('queued for bob');
    expect(await sender.refused('mailbox', { action: 'clear' })).toContain('wanted a token with scope check');
    await expect(sender.client.readResource({ uri: 'ipc://inbox' })).rejects.toThrow('scope check');
    expect(await sender.refused('send', { to: 'bob', text: 'x', files: ['/etc/passwd'] })).toContain(
      'over HTTP no file of this machine is opened',
    );
    expect(await sender.refused('send', { to: 'bob', run: 'id' })).toContain('wanted to run a command');

    await using reader = await openHttpMcp(door.url, await tokenFor(machine, 'eve', 'check,read,send'));
    expect((await reader.client.listTools()).tools.map(({ name }) => name)).not.toContain('register');
  });

  test('ends with it: streams, sessions, calls', async () => {
    await using machine = await openMachine();
    const door = await openDoor(machine);
    const token = await tokenFor(machine, 'bob');
    await using bob = await openHttpMcp(door.url, token);
    await reachable(machine, 'bob');
    const [{ id }] = (await machine.json<{ tokens: [{ id: string }] }>(['token', 'list'])).tokens;
    await machine.ok(['token', 'revoke', id]);
    await eventually(async () =>
      (await whoIsHere(machine)).find(({ name }) => name === 'bob')?.doors.includes('channel') === true
        ? undefined
        : true,
    );
    await expect(bob.text('check')).rejects.toThrow('credential_refused');
  });
});
