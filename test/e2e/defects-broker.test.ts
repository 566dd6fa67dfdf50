/**
 * The defects of system 000 (D1–D27) that touch messages, one test each, on the compiled binary: what
 * went wrong there must not go wrong here. Numbers as in the inventory of the replaced systems.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmod, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually, openMachine, type Machine } from './machine.ts';

interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAt: string;
  readonly from: { readonly name: string };
}

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine();
});
afterAll(() => machine[Symbol.asyncDispose]());

const check = async (name: string): Promise<readonly Message[]> =>
  (await machine.json<{ messages: Message[] }>(['check', '--as', name, '--all'])).messages;
const bodies = async (name: string): Promise<string[]> => (await check(name)).map((message) => message.body);

describe('messages are not lost', () => {
  test('D1: a message of more than 4096 bytes arrives', async () => {
    await machine.ok(['send', 'd1', '-'], { stdin: 'x'.repeat(5_000) });
    expect(await bodies('d1')).toEqual(['x'.repeat(5_000)]);
  });

  test('D3: sixty messages of 3 KB are all handed over, whatever fits into one answer', async () => {
    for (let n = 0; n < 60; n += 1)
      await machine.ok(['send', 'd3', '-'], { stdin: `${n} ${'x'.repeat(3_000)}` });
    const seen: string[] = [];
    while (seen.length < 60) {
      const page = await machine.json<{ messages: Message[] }>(['check', '--as', 'd3']);
      expect(page.messages.length).toBeGreaterThan(0);
      seen.push(...page.messages.map((message) => message.body.split(' ', 1)[0] ?? ''));
    }
    expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => String(n)));
  });

  test('D4: an error is an error, never "no new messages"', async () => {
    await machine.ok(['send', 'd4', 'waiting']);
    const key = join(machine.home, 'keys/d4');
    await machine.ok(['check', '--as', 'd4', '--peek']);
    const good = await readFile(key);
    await writeFile(key, 'A'.repeat(43));
    const wrong = await machine.run(['check', '--as', 'd4']);
    expect(wrong.code).toBe(77);
    expect(wrong.stdout).toBe('');
    expect(wrong.stderr).toContain('d4');
    await writeFile(key, good);
    expect(await bodies('d4')).toEqual(['waiting']);
  });

  test('D5, D8: what is shown short is shown bounded, and the whole is one command away', async () => {
    const long = `first line\n${'y'.repeat(20_000)}`;
    await machine.ok(['send', 'd5', '-'], { stdin: long });
    const shown = await machine.ok(['check', '--as', 'd5']);
    expect(shown.length).toBeLessThan(10_000);
    const [, id = ''] = /ipc history ([0-9a-f-]{36})/.exec(shown) ?? [];
    expect(await machine.ok(['history', id, '--body', '--as', 'd5'])).toBe(long);
  });

  test('D6: renaming onto a name that has mail waiting keeps the mail', async () => {
    await machine.ok(['send', 'd6-new', 'for the new name']);
    await machine.ok(['send', 'd6-old', 'for the old name']);
    await machine.ok(['check', '--as', 'd6-old', '--peek']);
    const renamed = await machine.run(['rename', 'd6-new', '--as', 'd6-old']);
    const [owner, other] = renamed.code === 0 ? ['d6-new', 'd6-new'] : ['d6-old', 'd6-new'];
    const all = [...(await bodies(owner ?? '')), ...(await bodies(other ?? ''))];
    expect(all.filter((body) => body.startsWith('for the')).toSorted()).toEqual([
      'for the new name',
      'for the old name',
    ]);
  });

  test('D7: two long messages of one moment do not overwrite each other', async () => {
    const [one, two] = ['1'.repeat(100_000), '2'.repeat(100_000)];
    await Promise.all([
      machine.ok(['send', 'd7', '-'], { stdin: one }),
      machine.ok(['send', 'd7', '-'], { stdin: two }),
    ]);
    const ids = (await check('d7')).map((message) => message.id);
    const whole = await Promise.all(ids.map((id) => machine.ok(['history', id, '--body', '--as', 'd7'])));
    expect(whole.toSorted()).toEqual([one, two]);
  });

  test('D13: a rename outlives the daemon, and what was read does not come back', async () => {
    await machine.ok(['send', 'd13', 'once']);
    expect(await bodies('d13')).toEqual(['once']);
    await machine.ok(['rename', 'd13-new', '--as', 'd13']);
    await machine.ok(['daemon', 'restart']);
    await machine.ok(['send', 'd13', 'to the old name']);
    expect((await bodies('d13-new')).filter((body) => !body.includes('is now'))).toEqual(['to the old name']);
  });

  test('D27: two messages of the same millisecond are marked one by one; times have a zone', async () => {
    await Promise.all(['a', 'b', 'c', 'd'].map((body) => machine.ok(['send', 'd27', body])));
    const [first] = (await machine.json<{ messages: Message[] }>(['check', '--as', 'd27', '--limit', '1']))
      .messages;
    expect(first?.sentAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect([first?.body, ...(await bodies('d27'))].toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('a name has one owner', () => {
  test('D10: nobody can rename somebody else', async () => {
    await machine.ok(['check', '--as', 'd10-bob']);
    await machine.ok(['rename', 'd10-eve-2', '--as', 'd10-eve']);
    await rm(join(machine.home, 'keys/d10-bob'));
    const stolen = await machine.run(['rename', 'd10-bob-2', '--as', 'd10-bob']);
    expect(stolen.code).toBe(77);
    const { agents } = await machine.json<{ agents: { name: string }[] }>(['who', '--all']);
    expect(agents.map((agent) => agent.name)).toContain('d10-bob');
  });

  test('D11: a second live holder gets another name and is told so', async () => {
    const shell = (name: string): string[] => ['sh', '-c', `"$IPC" register ${name} --json; exec sleep 30`];
    const spawn = (): Bun.Subprocess<'ignore', 'pipe', 'pipe'> =>
      Bun.spawn(shell('d11'), {
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: machine.directory,
          USER: 'tester',
          IPC_HOME: machine.home,
          IPC: join(import.meta.dir, '../../dist/ipc'),
        },
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
        detached: true,
      });
    const named = async (child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>): Promise<string> => {
      const { value } = await child.stdout.getReader().read();
      return (JSON.parse(new TextDecoder().decode(value)) as { name: string }).name;
    };
    const first = spawn();
    expect(await named(first)).toBe('d11');
    const second = spawn();
    expect(await named(second)).toBe('d11-2');
    first.kill('SIGKILL');
    await first.exited;
    const third = spawn();
    expect(await named(third)).toBe('d11');
    for (const child of [second, third]) child.kill('SIGKILL');
  });

  test('D12: after a rename, and another, messages carry the new name and every old one leads there', async () => {
    await machine.ok(['rename', 'd12-b', '--as', 'd12-a']);
    await machine.ok(['rename', 'd12-c', '--as', 'd12-b']);
    await machine.ok(['send', 'd12-peer', 'who am I?', '--as', 'd12-c']);
    expect((await check('d12-peer')).map((message) => message.from.name)).toEqual(['d12-c']);
    for (const name of ['d12-a', 'd12-b', 'd12-c']) {
      expect(await machine.ok(['send', name, `to ${name}`, '--as', 'd12-peer'])).toContain('d12-c');
    }
    expect((await bodies('d12-c')).filter((body) => body.startsWith('to '))).toEqual([
      'to d12-a',
      'to d12-b',
      'to d12-c',
    ]);
    const captured = await machine.run(['rename', 'd12-a', '--as', 'd12-thief']);
    expect(captured.code).toBe(77);
    expect(captured.stderr).toContain('d12-c');
  });

  test('D14: no newline in a name, and `system` is nobody’s', async () => {
    for (const name of ['evil\n', 'system', 'all', 'ipc-daemon']) {
      const refused = await machine.run(['register', name]);
      expect([name, refused.code]).toEqual([name, 64]);
    }
  });

  test('D26: two shells of one user are two agents, with a key file each that is 0600 from birth', async () => {
    await machine.ok(['check', '--as', 'd26-a']);
    await machine.ok(['check', '--as', 'd26-b']);
    const { stdout } = Bun.spawnSync(['find', join(machine.home, 'keys'), '-type', 'f', '!', '-perm', '600']);
    expect(stdout.toString()).toBe('');
    expect(await readdir(join(machine.home, 'keys'))).toEqual(expect.arrayContaining(['d26-a', 'd26-b']));
  });
});

describe('who is here is true', () => {
  test('D2, D15: who lists the living; the gone are there when asked for', async () => {
    await machine.ok(['check', '--as', 'd15-gone']);
    const names = async (...flags: string[]): Promise<string[]> =>
      (await machine.json<{ agents: { name: string }[] }>(['who', ...flags])).agents.map(
        (agent) => agent.name,
      );
    expect(await names()).not.toContain('d15-gone');
    expect(await names('--all')).toContain('d15-gone');
    const watcher = machine.start(['watch', '--as', 'd15-here']);
    await eventually(async () => ((await names()).includes('d15-here') ? true : undefined));
    watcher.kill('SIGKILL');
    await eventually(async () => ((await names()).includes('d15-here') ? undefined : true));
  });
});

describe('nothing runs away', () => {
  test('D16: checking answers nobody, so two agents that check do not talk for ever', async () => {
    await machine.ok(['send', 'd16-b', 'hello', '--as', 'd16-a']);
    expect(await bodies('d16-b')).toEqual(['hello']);
    expect(await bodies('d16-a')).toEqual([]);
  });

  test('D19: a broadcast goes to who is here, not to names nobody took', async () => {
    await machine.ok(['send', 'd19-unborn', 'for later']);
    const sent = await machine.json<{ deliveries: { to: string }[] }>(['send', '@all', 'hello all', '--go']);
    expect(sent.deliveries.map((to) => to.to)).not.toContain('d19-unborn');
  });

  test('D9, D20: a full mailbox, or one name too many that nobody took, refuses with the reason and loses nothing', async () => {
    await using other = await openMachine();
    await other.ok(['config', 'set', 'quotas.mailbox', '2']);
    await other.ok(['config', 'set', 'quotas.unbornNames', '1']);
    await other.ok(['check', '--as', 'd9']);
    for (const body of ['one', 'two']) await other.ok(['send', 'd9', body]);
    const full = await other.run(['send', 'd9', 'three']);
    expect([full.code, full.stderr]).toEqual([75, expect.stringContaining('d9')]);
    await other.ok(['send', 'd20-a', 'for later']);
    expect((await other.run(['send', 'd20-b', 'for later'])).code).toBe(75);
    const kept = await other.json<{ messages: Message[] }>(['check', '--as', 'd9']);
    expect(kept.messages.map((message) => message.body)).toEqual(['one', 'two']);
  });

  test('D21: three hundred silent connections stop nobody', async () => {
    const socket = join(machine.home, 'ipc.sock');
    await machine.ok(['daemon', 'start']);
    const silent = await Promise.all(
      Array.from(
        { length: 300 },
        () =>
          new Promise<ReturnType<typeof connect>>((open) => {
            const opened = connect(socket, () => open(opened));
            opened.on('error', () => open(opened));
          }),
      ),
    );
    await machine.ok(['send', 'd21', 'still here']);
    expect(await bodies('d21')).toEqual(['still here']);
    for (const each of silent) each.destroy();
  });
});

describe('the daemon and its files', () => {
  test('D17: the daemon outlives whoever started it', async () => {
    const pid = await machine.daemonPid();
    const parent = /PPid:\t(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    await machine.ok(['send', 'd17', 'hello']);
    expect(await machine.daemonPid()).toBe(pid);
    expect(Number(parent)).not.toBe(process.pid);
  });

  test('D18: a store that cannot be opened is said so, with what to do, and nothing pretends to work', async () => {
    await using other = await openMachine();
    await other.ok(['send', 'bob', 'kept']);
    await other.ok(['daemon', 'stop']);
    const database = join(other.home, 'ipc.db');
    const whole = await readFile(database);
    await writeFile(database, 'this is no database, but long enough to look at'.repeat(100));
    const refused = await other.run(['send', 'bob', 'lost?']);
    expect(refused.code).toBe(69);
    expect(refused.stderr).toMatch(/ipc doctor/);
    await writeFile(database, whole);
    expect(
      (await other.json<{ messages: Message[] }>(['check', '--as', 'bob'])).messages.map(
        (message) => message.body,
      ),
    ).toEqual(['kept']);
  });

  test('D23: no key is ever printed or logged', async () => {
    const printed = await machine.ok(['register', 'd23', '--json']);
    const key = (await readFile(join(machine.home, 'keys/d23'), 'utf8')).trim();
    expect(key).toHaveLength(43);
    const log = await readFile(join(machine.home, 'daemon.log'), 'utf8');
    for (const text of [printed, log]) expect(text).not.toContain(key.slice(0, 12));
  });

  test('D24: a binary file of any kind can be shared, and only by whoever may read it', async () => {
    const path = join(machine.directory, 'd24.bin');
    await writeFile(path, Buffer.from([0, 255, 254, 0]));
    await machine.ok(['send', 'd24', 'bytes', '--file', path]);
    expect((await machine.run(['send', 'd24', 'no file', '--file', '/nonexistent'])).code).toBe(66);
    expect(await bodies('d24')).toEqual(['bytes']);
  });

  test('D25: a home that is a symlink or open to others is refused before anything is written', async () => {
    const target = join(machine.directory, 'elsewhere');
    const link = join(machine.directory, 'link');
    await mkdir(target, { mode: 0o700 });
    await symlink(target, link);
    const linked = await machine.run(['send', 'bob', 'x'], { env: { IPC_HOME: link } });
    expect(linked.code).toBe(77);
    await chmod(target, 0o777);
    const open = await machine.run(['send', 'bob', 'x'], { env: { IPC_HOME: target } });
    expect(open.code).toBe(77);
    expect(open.stderr).toContain('chmod 700');
    expect(await readdir(target)).toEqual([]);
  });
});
