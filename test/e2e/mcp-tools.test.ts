/** Every tool of the compiled `ipc mcp`, through the SDK's own client. */
import { describe, expect, test } from 'bun:test';
import { eventually, openMachine } from './machine.ts';
import { idIn, openMcp } from './mcp-client.ts';

describe('a session', () => {
  test('is registered before it asks for anything, and its first answer says who it is and who is here', async () => {
    await using machine = await openMachine();
    await machine.ok(['send', '--as', 'carol', 'claude', 'one']);
    await using bob = await openMcp(machine, { as: 'bob' });
    await eventually(async () => ((await machine.ok(['who'])).includes('bob') ? true : undefined));
    await using claude = await openMcp(machine, { as: 'claude' });
    const first = await claude.text('who');
    expect(first).toStartWith('Registered as claude, 1 waiting. Here: bob.');
    expect(first).toContain('(you are claude)');
    expect(await claude.text('who')).toStartWith('name');
    expect(await bob.text('who', { name: 'me' })).toContain('bob');
  });

  test('counts in its first answer what came since it was started, and names it no second time', async () => {
    await using machine = await openMachine();
    await using claude = await openMcp(machine, { as: 'claude' });
    await eventually(async () => ((await machine.ok(['who'])).includes('claude') ? true : undefined));
    await machine.ok(['send', '--as', 'carol', 'claude', 'one']);
    expect(await claude.text('history')).toContain('Registered as claude, 1 waiting');
    expect(await claude.text('history')).not.toContain('unread');
  });

  test('says so when it started the daemon', async () => {
    await using machine = await openMachine();
    await using claude = await openMcp(machine, { as: 'claude' });
    expect(await claude.text('check')).toStartWith(
      'Registered as claude, 0 waiting; daemon started. Nobody else is here.',
    );
  });

  test('without a name is agent-N at once', async () => {
    await using machine = await openMachine();
    await using session = await openMcp(machine);
    expect(await session.text('who')).toContain('Registered as agent-1, 0 waiting');
  });

  test('whose name a live session holds becomes name-2 and is told', async () => {
    await using machine = await openMachine();
    await using first = await openMcp(machine, { as: 'claude' });
    await first.text('check');
    await using second = await openMcp(machine, { as: 'claude' });
    const told = await second.text('check');
    expect(told).toContain('Registered as claude-2');
    expect(told).toContain('claude was asked for, but another live session held that name');
  });
});

describe('send, check, reply, receipts', () => {
  test('carry text, data and priority, and confirm a hand-over only once', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    await using bob = await openMcp(machine, { as: 'bob' });
    await bob.text('check');
    const sent = await alice.text('send', {
      to: 'bob',
      text: 'line 1\nline 2',
      data: { n: 1 },
      priority: 'high',
    });
    const id = idIn(sent);
    expect(sent).toContain('sent to bob (online, push: tool)');
    const before = await alice.text('receipts', { id });
    expect(before).toContain('bob: queued');
    const got = await bob.text('check');
    expect(got).toContain('line 1\nline 2');
    expect(got).toContain('{"n":1}');
    expect(got).toContain('is not the user of this conversation');
    await eventually(async () =>
      (await alice.text('receipts', { id })).includes('bob: handed (tool)') ? true : undefined,
    );
    expect(await bob.text('check')).toContain('Nothing new');
    expect(await bob.text('reply', { message: id, text: 'on it' })).toContain('sent to alice');
    const receipts = await alice.call('receipts', { id });
    expect(receipts.structuredContent).toMatchObject({
      messages: [{ id, receipts: [{ to: 'bob', state: 'acked' }] }],
    });
    expect(await alice.text('check')).toContain(`It answers message ${id}`);
  });

  test('peek looks, limit and from choose, what is left is named', async () => {
    await using machine = await openMachine();
    for (const from of ['x', 'y', 'x']) await machine.ok(['send', '--as', from, 'bob', `from ${from}`]);
    await using bob = await openMcp(machine, { as: 'bob' });
    expect(await bob.text('check', { peek: true })).toContain('Only looked');
    const one = await bob.text('check', { from: 'x', limit: 1 });
    expect(one).toContain('from x');
    expect(one).toContain('2 more unread: check without from hands over all');
    const none = await bob.text('check', { from: 'nobody' });
    expect(none).not.toContain('check again');
    expect(await bob.text('check', { limit: 1 })).toContain('1 more: check again');
    expect(await bob.text('check')).toContain('from x');
  });

  test('to @all and to a topic: broadcast is a send', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    await using bob = await openMcp(machine, { as: 'bob' });
    await bob.text('mailbox', { action: 'join', name: '#reviews' });
    expect(await alice.text('who', { topics: true })).toContain('#reviews');
    expect(await alice.text('send', { to: '@all', text: 'all' })).toContain('sent to bob through @all');
    expect(await alice.text('send', { to: ['#reviews'], text: 'topic' })).toContain('through #reviews');
    const got = await bob.text('check');
    expect(got).toContain('all');
    expect(got).toContain('topic');
    expect(await bob.text('mailbox', { action: 'leave', name: 'reviews' })).toContain('left #reviews');
  });

  test('a long text goes by reference and is said to be the beginning', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    await using bob = await openMcp(machine, { as: 'bob' });
    await alice.text('send', { to: 'bob', text: 'x'.repeat(300_000) });
    const got = await bob.text('check');
    expect(got).toContain('The text above is the beginning of 300 kB');
    expect(got.length).toBeLessThan(20_000);
  });

  test('the other tools say once that something is unread, until more arrives', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    await bob.text('check');
    await machine.ok(['send', '--as', 'carol', 'bob', 'one']);
    await eventually(async () =>
      (await bob.text('who')).includes('1 unread from carol') ? true : undefined,
    );
    expect(await bob.text('who')).not.toContain('unread from');
    await machine.ok(['send', '--as', 'alice', 'bob', 'two']);
    await eventually(async () =>
      (await bob.text('receipts')).includes('2 unread from carol, alice') ? true : undefined,
    );
    await bob.text('check');
    expect(await bob.text('who')).not.toContain('unread from');
  });
});

describe('ask', () => {
  test('returns the answer', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    await using bob = await openMcp(machine, { as: 'bob' });
    await bob.text('check');
    const asking = alice.text('ask', { to: 'bob', text: 'which port?' });
    const got = await bob.text('check', { wait: 20 });
    expect(got).toContain('The sender would like an answer');
    await bob.text('reply', { text: '8080' });
    expect(await asking).toContain('8080');
    expect(await alice.text('check')).toContain('Nothing new');
  });

  test('returns a ticket before the client gives up, and the answer then arrives as a message', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    await machine.ok(['register', '--as', 'bob']);
    const ticket = await alice.text('ask', { to: 'bob', text: 'well?', timeout: 0.2 });
    expect(ticket).toContain('No answer within 200ms. Ticket: request');
    await machine.ok(['check', '--as', 'bob']);
    await machine.ok(['reply', '--as', 'bob', idIn(ticket.slice(ticket.indexOf('Ticket'))), 'late']);
    expect(await alice.text('check')).toContain('late');
  });

  test('waits no longer than a client does', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    expect(await alice.refused('ask', { to: 'bob', text: 'x', timeout: 600 })).toContain('timeout');
    expect(await alice.refused('check', { wait: 600 })).toContain('wait');
  });
});

describe('register', () => {
  test('renames, keeps the mailbox, and hooks and commands of the session follow', async () => {
    await using machine = await openMachine();
    await using session = await openMcp(machine);
    await session.text('who');
    await machine.ok(['send', '--as', 'carol', 'agent-1', 'before']);
    await machine.ok(['send', '--as', 'carol', 'fred', 'for a name nobody had']);
    expect(await session.text('register', { name: 'fred', about: 'the parser' })).toContain(
      'You are fred now; agent-1 forwards',
    );
    const got = await session.text('check');
    expect(got).toContain('before');
    expect(got).toContain('for a name nobody had');
    expect(await machine.ok(['who'])).toContain('the parser');
    await machine.ok(['send', '--as', 'carol', 'fred', 'after']);
    expect(await session.text('check', { wait: 10 })).toContain('after');
  });

  test('takes back a name of this user, with what waited for it', async () => {
    await using machine = await openMachine();
    await machine.ok(['check', '--as', 'fred']);
    await machine.ok(['send', '--as', 'carol', 'fred', 'waited']);
    await using session = await openMcp(machine);
    expect(await session.text('register', { name: 'fred' })).toContain('You are fred now, 1 waiting');
    expect(await session.text('check')).toContain('waited');
    await machine.ok(['send', '--as', 'carol', 'fred', 'pushed']);
    await eventually(async () =>
      (await session.text('who')).includes('1 unread from carol') ? true : undefined,
    );
  });

  test('the user’s own name is refused, taken or free: an agent would have the user’s mail and speak as them', async () => {
    await using machine = await openMachine();
    await using session = await openMcp(machine, { as: 'gem' });
    expect(await session.refused('register', { name: 'tester' })).toContain("that is the user's own");
    await machine.terminal(['whoami']);
    await machine.ok(['send', '--as', 'carol', 'tester', 'for the user alone']);
    expect(await session.refused('register', { name: 'Tester' })).toContain("that is the user's own");
    expect(await session.text('check')).not.toContain('for the user alone');
    const claude = { env: { CLAUDE_CODE_SESSION_ID: 's-1', CLAUDECODE: '1' } };
    expect((await machine.run(['register', 'tester'], claude)).code).toBe(77);
    expect((await machine.run(['rename', 'tester'], claude)).code).toBe(77);
    expect((await machine.terminal(['check'])).stdout).toContain('for the user alone');
  });

  test('a reserved name is refused with what to do, in words of tools', async () => {
    await using machine = await openMachine();
    await using session = await openMcp(machine);
    const why = await session.refused('register', { name: 'system' });
    expect(why).toContain('reserved');
    expect(why).not.toContain('ipc help');
  });
});

describe('history and mailbox', () => {
  test('look back, search, show one whole', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    const id = idIn(await alice.text('send', { to: 'bob', text: 'the zebra crossed' }));
    await alice.text('send', { to: 'carol', text: 'nothing striped' });
    expect(await alice.text('history', { with: 'bob' })).toContain('the zebra');
    expect(await alice.text('history', { with: 'bob' })).not.toContain('striped');
    const found = await alice.text('history', { query: 'zebra' });
    expect(found).toContain('the zebra');
    expect(found).toContain('You sent it');
    expect(await alice.text('history', { id })).toContain('What became of it: bob: queued');
  });

  test('no answer or refusal of a tool sends the model to a shell for what a tool does', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    await machine.ok(['send', 'bob', 'held back']);
    await machine.ok(['send', '--as', 'carol', 'bob', 'first']);
    await bob.text('mailbox', { action: 'mute', name: 'carol' });
    await machine.ok(['send', '--as', 'carol', 'bob', 'muted']);
    const said = [
      await bob.text('who'),
      await bob.text('who', { name: 'me' }),
      await bob.text('who', { topics: true }),
      await bob.text('mailbox', { action: 'autocheck' }),
      await bob.refused('reply', { text: 'x' }),
      await bob.refused('history', { id: '01900000-0000-7000-8000-000000000000' }),
      await bob.text('check'),
      await bob.text('check'),
    ];
    expect(said[1]).toContain('held');
    for (const text of said) expect(text).not.toMatch(/\bipc (?!on\b)[a-z]+ |"ipc /);
  });

  test('ack, cancel, clear, pause, resume, mute, unmute', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    await using bob = await openMcp(machine, { as: 'bob' });
    await bob.text('check');
    const first = idIn(await alice.text('send', { to: 'bob', text: 'one' }));
    await bob.text('check');
    expect(await bob.text('mailbox', { action: 'ack', ids: [first] })).toContain('1 acknowledged');
    const second = idIn(await alice.text('send', { to: 'bob', text: 'two' }));
    expect(await alice.text('mailbox', { action: 'cancel', ids: [second] })).toContain('taken back from bob');
    await alice.text('send', { to: 'bob', text: 'three' });
    expect(await bob.text('mailbox', { action: 'clear' })).toContain('1 cleared unread');
    expect(await bob.text('mailbox', { action: 'pause', seconds: 600 })).toContain('paused until');
    await alice.text('send', { to: 'bob', text: 'four' });
    expect(await bob.text('check')).toContain('waiting behind a pause');
    expect(await bob.text('mailbox', { action: 'resume' })).toContain('not paused; 1 let through');
    expect(await bob.text('check')).toContain('four');
    expect(await bob.text('mailbox', { action: 'mute', name: 'alice' })).toContain('alice is muted');
    await alice.text('send', { to: 'bob', text: 'five' });
    expect(await bob.text('check')).toContain('1 held');
    expect(await bob.text('mailbox', { action: 'unmute', name: 'alice' })).toContain('1 let through');
    expect(await bob.text('check')).toContain('five');
    expect(await bob.refused('mailbox', { action: 'ack' })).toContain('wanted ids');
  });

  test('auto-checking: start, status, stop, and what it cannot do', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    expect(await bob.text('mailbox', { action: 'autocheck' })).toContain('at every event');
    expect(await bob.text('mailbox', { action: 'autocheck', minutes: 5 })).toContain(
      'auto-checking every 5 minutes',
    );
    const status = await bob.text('mailbox', { action: 'autocheck' });
    expect(status).toContain('every 5 minutes');
    expect(status).toContain('An idle session runs no hooks');
    expect(await machine.ok(['autocheck', 'status', '--as', 'bob'])).toContain('every 5 minutes');
    expect(await bob.text('mailbox', { action: 'autocheck', minutes: 0 })).toContain(
      'auto-checking is stopped',
    );
    expect(await bob.refused('mailbox', { action: 'autocheck', minutes: 600 })).toContain('minutes:');
  });
});
