/** Each verb by the compiled binary, for what a user would notice if it did nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, lines, openMachine, type Machine } from './machine.ts';

interface Message {
  readonly id: string;
  readonly body: string;
  readonly thread: string;
  readonly again: boolean;
}

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(() => machine[Symbol.asyncDispose]());

const check = async (name: string, ...flags: string[]): Promise<readonly Message[]> =>
  (await machine.json<{ messages: Message[] }>(['check', '--as', name, '--all', ...flags])).messages;
const bodies = async (name: string, ...flags: string[]): Promise<string[]> =>
  (await check(name, ...flags)).map((message) => message.body);
const send = async (...args: string[]): Promise<string> =>
  (await machine.json<{ id: string }>(['send', ...args])).id;
const state = async (id: string, sender = 'tester'): Promise<string[]> => {
  const receipts = ['receipts', id, '--as', sender];
  const { messages } = await machine.json<{ messages: { receipts: { state: string }[] }[] }>(receipts);
  return messages.flatMap((message) => message.receipts.map((receipt) => receipt.state));
};

describe('receipts', () => {
  test('go from queued to offered to handed to acked, and never ahead of what happened', async () => {
    const id = await send('r1', 'follow me');
    expect(await state(id)).toEqual(['queued']);
    await machine.ok(['check', '--as', 'r1', '--peek']);
    expect(await state(id)).toEqual(['queued']);
    const watcher = machine.start(['watch', '--as', 'r1', '--unread', '--format', 'line']);
    for await (const line of lines(watcher.stdout)) {
      expect(line).toContain('follow me');
      break;
    }
    await eventually(async () => ((await state(id))[0] === 'offered' ? true : undefined));
    watcher.kill();
    expect(await bodies('r1')).toEqual(['follow me']);
    expect(await state(id)).toEqual(['handed']);
    await machine.ok(['ack', id, '--as', 'r1']);
    expect(await state(id)).toEqual(['acked']);
  });

  test('are not handed when what was printed could not be written', async () => {
    const id = await send('r2', 'to a full disk');
    const full = Bun.spawnSync(['sh', '-c', `"$IPC" check --as r2 > /dev/full`], {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: machine.directory,
        USER: 'tester',
        IPC_HOME: machine.home,
        IPC: join(import.meta.dir, '../../dist/ipc'),
      },
    });
    expect(full.exitCode).not.toBe(0);
    expect(await state(id)).toEqual(['queued']);
    const [message] = await check('r2');
    expect(message).toMatchObject({ body: 'to a full disk', again: true });
  });

  test('an expired message is told to its sender, who can still read it', async () => {
    const id = await send('r3', 'short-lived', '--expires-in', '1s', '--as', 'r3-sender');
    const notice = await eventually(async () => {
      const [message] = await check('r3-sender');
      return message;
    });
    expect(notice.body).toContain(id);
    expect(await bodies('r3')).toEqual([]);
    expect(await machine.ok(['history', id, '--body', '--as', 'r3-sender'])).toBe('short-lived');
  });

  test('a cancelled message is not handed over; one that was handed is too late to cancel', async () => {
    const id = await send('r4', 'never mind');
    expect(await machine.json(['cancel', id])).toMatchObject({ cancelled: ['r4'], late: [] });
    expect(await bodies('r4')).toEqual([]);
    const late = await send('r4', 'too late');
    await check('r4');
    expect(await machine.json(['cancel', late])).toMatchObject({ cancelled: [], late: ['r4'] });
  });
});

describe('conversation', () => {
  test('reply keeps the thread and acknowledges; history of the thread is in order', async () => {
    const id = await send('c-bob', 'question', '--as', 'c-ann');
    await check('c-bob');
    await machine.ok(['reply', 'answer', '--as', 'c-bob']);
    const [answer] = await check('c-ann');
    expect(answer).toMatchObject({ body: 'answer', thread: id });
    expect(await state(id, 'c-ann')).toEqual(['acked']);
    const { messages } = await machine.json<{ messages: Message[] }>([
      'history',
      '--thread',
      id,
      '--as',
      'c-ann',
    ]);
    expect(messages.map((message) => message.body)).toEqual(['question', 'answer']);
  });

  test('ask prints the answer alone, and exits 124 with the ticket when none comes', async () => {
    const asking = machine.start(['ask', 'a-bob', 'which port?', '--timeout', '30']);
    await eventually(async () => ((await bodies('a-bob')).length > 0 ? true : undefined));
    await machine.ok(['reply', '8080', '--as', 'a-bob']);
    expect([await asking.exited, await asking.stdout.text()]).toEqual([0, '8080\n']);
    const unanswered = await machine.run(['ask', 'a-nobody', 'hello?', '--timeout', '0.2']);
    expect(unanswered.code).toBe(124);
    expect(unanswered.stderr).toMatch(/[0-9a-f]{8}-[0-9a-f-]{27}/);
  });

  test('a forwarded message brings its text and its files once', async () => {
    const path = join(machine.directory, 'f.txt');
    await writeFile(path, 'file');
    await machine.ok(['send', 'f-bob', 'original words', '--file', path]);
    const [original] = await check('f-bob');
    await machine.ok(['send', 'f-cyd', 'see below', '--forward', original?.id ?? '', '--as', 'f-bob']);
    const { messages } = await machine.json<{ messages: (Message & { attachments: { name: string }[] })[] }>([
      'check',
      '--as',
      'f-cyd',
    ]);
    expect(messages[0]?.body).toContain('see below');
    expect(messages[0]?.body).toContain('original words');
    expect(messages[0]?.attachments.map((file) => file.name)).toEqual(['f.txt']);
  });

  test('a topic reaches its members, not its sender, and not who left', async () => {
    for (const name of ['t-a', 't-b', 't-c']) await machine.ok(['topic', 'join', 'builds', '--as', name]);
    await machine.ok(['topic', 'leave', 'builds', '--as', 't-c']);
    await machine.ok(['send', '#builds', 'green', '--as', 't-a']);
    expect([await bodies('t-a'), await bodies('t-b'), await bodies('t-c')]).toEqual([[], ['green'], []]);
    expect(await machine.ok(['topic', 'list'])).toContain('#builds');
  });

  test('the phrases of old work: message, broadcast, rename, who, unknown ones say what is understood', async () => {
    await machine.ok(['do', 'msg d-bob: the migration is complete', '--as', 'd-ann']);
    expect(await machine.ok(['do', 'any messages?', '--as', 'd-bob'])).toContain('the migration is complete');
    await machine.ok(['do', 'reply: thanks', '--as', 'd-bob']);
    expect(await bodies('d-ann')).toEqual(['thanks']);
    expect(await machine.ok(['do', 'rename to d-anna', '--as', 'd-ann'])).toContain('d-anna');
    const unknown = await machine.run(['do', 'dance']);
    expect(unknown.code).toBe(64);
    expect(unknown.stderr).toContain('msgs?');
  });
});

describe('the past', () => {
  test('search finds words in bodies, mine only', async () => {
    await machine.ok(['send', 's-bob', 'the quick brown fox', '--as', 's-ann']);
    await machine.ok(['send', 's-eve', 'another quick fox', '--as', 's-dan']);
    const { messages } = await machine.json<{ messages: Message[] }>([
      'search',
      'quick fox',
      '--as',
      's-bob',
    ]);
    expect(messages.map((message) => message.body)).toEqual(['the quick brown fox']);
    expect(
      (await machine.json<{ messages: Message[] }>(['search', '"fox brown" OR (', '--as', 's-bob'])).messages,
    ).toEqual([]);
  });

  test('export prints everything I sent and got as JSON lines', async () => {
    await machine.ok(['send', 'e-bob', 'one', '--as', 'e-ann']);
    await machine.ok(['send', 'e-ann', 'two', '--as', 'e-bob']);
    const exported = (await machine.ok(['export', '--as', 'e-ann'])).trim().split('\n');
    expect(exported.map((line) => (JSON.parse(line) as Message).body)).toEqual(['one', 'two']);
  });

  test('a backup restored into another home, as its help says, has the mail, the files and the names', async () => {
    await using other = await openMachine();
    const file = join(machine.directory, 'kept.txt');
    await writeFile(file, 'bytes to keep');
    await machine.ok(['send', 'b-bob', 'keep this', '--file', file]);
    const copy = join(machine.directory, 'copy.db');
    await machine.ok(['backup', copy]);
    expect((await stat(copy)).mode & 0o077).toBe(0);
    await other.ok(['daemon', 'start']);
    await other.ok(['daemon', 'stop']);
    for (const suffix of ['-wal', '-shm', '.mark'])
      await rm(join(other.home, `ipc.db${suffix}`), { force: true });
    await cp(copy, join(other.home, 'ipc.db'));
    await cp(`${copy}.blobs`, join(other.home, 'blobs'), { recursive: true });
    await cp(join(machine.home, 'keys'), join(other.home, 'keys'), { recursive: true });
    expect((await other.run(['doctor'])).code).toBe(0);
    const { messages } = await other.json<{ messages: (Message & { attachments: { path: string }[] })[] }>([
      'check',
      '--as',
      'b-bob',
    ]);
    expect(messages.map((message) => message.body)).toEqual(['keep this']);
    const [attached] = messages[0]?.attachments ?? [];
    expect(attached?.path).toStartWith(other.home);
    expect(await readFile(attached?.path ?? '', 'utf8')).toBe('bytes to keep');
  });
});

describe('peace', () => {
  test('a pause holds what comes; lifting it brings everything', async () => {
    await machine.ok(['check', '--as', 'p-bob']);
    await machine.ok(['pause', '30m', '--as', 'p-bob']);
    expect(await machine.ok(['send', 'p-bob', 'wait for it'])).toContain('held');
    expect(await bodies('p-bob')).toEqual([]);
    await machine.ok(['pause', '--off', '--as', 'p-bob']);
    expect(await bodies('p-bob')).toEqual(['wait for it']);
  });

  test('a muted sender is held until unmuted', async () => {
    await machine.ok(['check', '--as', 'm-loud']);
    await machine.ok(['mute', 'm-loud', '--as', 'm-bob']);
    await machine.ok(['send', 'm-bob', 'beep', '--as', 'm-loud']);
    expect(await bodies('m-bob')).toEqual([]);
    await machine.ok(['mute', 'm-loud', '--off', '--as', 'm-bob']);
    expect(await bodies('m-bob')).toEqual(['beep']);
  });

  test('only a person releases what is held: a script is refused, a terminal is not', async () => {
    await machine.ok(['check', '--as', 'h-bob']);
    await machine.ok(['pause', '--as', 'h-bob']);
    const id = await send('h-bob', 'held');
    expect((await machine.run(['release', id])).code).toBe(77);
    const person = await machine.terminal(['release', id]);
    expect([person.code, person.stdout]).toEqual([0, expect.stringContaining('1')]);
    await machine.ok(['pause', '--off', '--as', 'h-bob']);
    expect(await bodies('h-bob')).toEqual(['held']);
  });
});

describe('names', () => {
  test('whoami is true, and who a command acts as follows --as, IPC_AGENT, then the user', async () => {
    const who = async (args: string[], env: Record<string, string> = {}): Promise<string | undefined> =>
      (await machine.json<{ you?: { name: string } }>(['whoami', ...args], { env })).you?.name;
    await machine.ok(['check']);
    for (const name of ['w-flag', 'w-env']) await machine.ok(['check', '--as', name]);
    expect(await who([])).toBe('tester');
    expect(await who([], { IPC_AGENT: 'w-env' })).toBe('w-env');
    expect(await who(['--as', 'w-flag'], { IPC_AGENT: 'w-env' })).toBe('w-flag');
  });

  test('agent remove asks first, takes the mail with it, and leaves what was sent readable', async () => {
    await machine.ok(['send', 'x-peer', 'from the removed', '--as', 'x-gone']);
    await machine.ok(['send', 'x-gone', 'unread']);
    expect((await machine.run(['agent', 'remove', 'x-gone'])).code).toBe(64);
    expect(await machine.json(['agent', 'remove', 'x-gone', '--yes'])).toMatchObject({
      removed: 'x-gone',
      discarded: 1,
    });
    expect(await bodies('x-peer')).toEqual(['from the removed']);
    expect((await machine.run(['agent', 'show', 'x-gone'])).code).toBe(67);
  });

  test('a secret is proven by both sides; without it nobody comes in, and it is in no log', async () => {
    await using other = await openMachine();
    await other.ok(['send', 'bob', 'before']);
    await other.ok(['secret', 'set'], { stdin: 'correct horse battery' });
    await other.ok(['send', 'bob', 'after']);
    const wrong = await other.run(['send', 'bob', 'intruder'], { env: { IPC_SHARED_SECRET: 'guess' } });
    expect(wrong.code).toBe(77);
    expect(await readFile(join(other.home, 'daemon.log'), 'utf8')).not.toContain('correct horse');
    await other.ok(['secret', 'remove']);
    const { messages } = await other.json<{ messages: Message[] }>(['check', '--as', 'bob']);
    expect(messages.map((message) => message.body)).toEqual(['before', 'after']);
  });
});

describe('care', () => {
  test('doctor says ok of a healthy home, and names what is wrong and what to run of a broken one', async () => {
    await using other = await openMachine();
    await other.ok(['send', 'bob', 'x']);
    expect((await other.run(['doctor'])).code).toBe(0);
    await other.ok(['daemon', 'stop']);
    await writeFile(join(other.home, 'config.json'), '{"guard.detph": 3}');
    const broken = await other.run(['doctor']);
    expect(broken.code).not.toBe(0);
    expect(broken.stdout + broken.stderr).toContain('guard.depth');
  });

  test('config set is taken by the running daemon at once', async () => {
    await using other = await openMachine();
    await other.ok(['check', '--as', 'bob']);
    await other.ok(['config', 'set', 'quotas.mailbox', '1']);
    await other.ok(['send', 'bob', 'one']);
    const full = await other.run(['send', 'bob', 'two']);
    expect(full.code).toBe(75);
    expect(full.stderr).toContain('bob');
  });

  test('a misspelled verb or flag is refused with the right one, and nothing is sent', async () => {
    expect((await machine.run(['sned', 'z-bob', 'x'])).stderr).toContain('send');
    const flag = await machine.run(['send', 'z-bob', 'x', '--prioritty', 'high']);
    expect([flag.code, flag.stderr]).toEqual([64, expect.stringContaining('--priority')]);
    expect(await bodies('z-bob')).toEqual([]);
  });

  test('check --exit-code tells a script that nothing is there', async () => {
    expect((await machine.run(['check', '--as', 'z-empty', '--exit-code'])).code).toBe(3);
    await machine.ok(['send', 'z-empty', 'something']);
    expect((await machine.run(['check', '--as', 'z-empty', '--exit-code'])).code).toBe(0);
  });

  test('errors are one JSON object with --json, on stdout', async () => {
    const { code, stdout } = await machine.run(['agent', 'show', 'nobody-here', '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([
      67,
      { error: expect.objectContaining({ code: 'no_such_agent' }) },
    ]);
  });
});
