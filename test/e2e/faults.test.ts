/** Kills and races on the compiled binary: what was acknowledged is there, once (design §2, §4). */
import { expect, test } from 'bun:test';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BINARY, eventually, lines, openMachine, type Machine } from './machine.ts';

interface Handed {
  readonly id: string;
  readonly body: string;
  readonly again: boolean;
}

async function everything(machine: Machine, name: string): Promise<Handed[]> {
  const all: Handed[] = [];
  for (;;) {
    const page = await machine.json<{ messages: Handed[] }>([
      'check',
      '--as',
      name,
      '--limit',
      '1000',
      '--all',
    ]);
    if (page.messages.length === 0) return all;
    all.push(...page.messages);
  }
}

test('fifty cold commands at once on an empty home give one daemon and fifty successes', async () => {
  await using machine = await openMachine();
  const sent = await Promise.all(
    Array.from({ length: 50 }, (_, n) => machine.run(['send', 'bob', `number ${n}`, '--json'])),
  );
  expect(sent.map((result) => result.stderr).join('')).toBe('');
  expect(sent.map((result) => result.code)).toEqual(Array.from({ length: 50 }, () => 0));
  const bodies = (await everything(machine, 'bob')).map((message) => message.body);
  expect(bodies.toSorted()).toEqual(Array.from({ length: 50 }, (_, n) => `number ${n}`).toSorted());
  const log = await machine.ok(['daemon', 'logs', '-n', '1000']);
  expect(log.match(/\bready\b/g)).toHaveLength(1);
}, 60_000);

test('kill -9 of the daemon under load loses no acknowledged message and doubles none', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'first']);
  const acknowledged: string[] = ['first'];
  let kills = 0;
  let done = false;
  const killer = (async () => {
    while (!done) {
      const before = acknowledged.length;
      await eventually(async () => (done || acknowledged.length > before + 5 ? true : undefined), 30_000);
      if (done) return;
      process.kill(await machine.daemonPid(), 'SIGKILL');
      kills += 1;
    }
  })();
  const sender = async (name: string): Promise<void> => {
    for (let n = 0; n < 25; n += 1) {
      const body = `${name} ${n}`;
      if ((await machine.run(['send', 'bob', body])).code === 0) acknowledged.push(body);
    }
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(sender));
  done = true;
  await killer;
  const bodies = (await everything(machine, 'bob')).map((message) => message.body);
  expect(kills).toBeGreaterThan(3);
  expect(acknowledged.length).toBeGreaterThan(90);
  expect(acknowledged.filter((body) => !bodies.includes(body))).toEqual([]);
  expect(bodies.filter((body, index) => bodies.indexOf(body) !== index)).toEqual([]);
  const order = bodies.filter((body) => body.startsWith('a ')).map((body) => Number(body.slice(2)));
  expect(order).toEqual(order.toSorted((left, right) => left - right));
}, 120_000);

test('kill -9 of a reader between fetch and print brings the message again, marked, and once', async () => {
  await using machine = await openMachine();
  for (const text of ['precious', 'x'.repeat(60_000), 'y'.repeat(60_000)]) {
    await machine.ok(['send', 'bob', '-'], { stdin: text });
  }
  // Its stdout is a pipe that nobody empties and that takes less than it has to print.
  const pipe = join(machine.directory, 'stuck');
  Bun.spawnSync(['mkfifo', pipe]);
  await using stuck = await open(pipe, 'r+');
  const reader = Bun.spawn([BINARY, 'check', '--as', 'bob', '--all', '--json'], {
    env: { PATH: process.env['PATH'] ?? '', HOME: machine.directory, USER: 'tester', IPC_HOME: machine.home },
    stdout: stuck.fd,
    stderr: 'ignore',
  });
  await eventually(async () => {
    const { messages } = await machine.json<{ messages: { receipts: { attempts: number }[] }[] }>([
      'receipts',
    ]);
    return (
      messages.every((message) => message.receipts.every((receipt) => receipt.attempts > 0)) || undefined
    );
  });
  reader.kill('SIGKILL');
  await reader.exited;
  const again = await eventually(async () => {
    const got = await everything(machine, 'bob');
    return got.length > 0 ? got : undefined;
  });
  expect(again.map((message) => message.body.slice(0, 8))).toEqual(['precious', 'xxxxxxxx', 'yyyyyyyy']);
  expect(again.every((message) => message.again)).toBe(true);
  expect(await everything(machine, 'bob')).toEqual([]);
}, 60_000);

test('a watcher sees every message once across a restart of the daemon', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'unseen: before the watch']);
  const watcher = machine.start(['watch', '--as', 'bob', '--json']);
  await eventually(async () => {
    const { agents } = await machine.json<{ agents: { name: string; doors: string[] }[] }>(['who']);
    return agents.find((agent) => agent.name === 'bob' && agent.doors.includes('watch'));
  });
  const seen: string[] = [];
  const following = (async () => {
    for await (const line of lines(watcher.stdout)) {
      seen.push((JSON.parse(line) as { message: { body: string } }).message.body);
      if (seen.length === 20) return;
    }
  })();
  for (let n = 0; n < 20; n += 1) {
    if (n === 7) process.kill(await machine.daemonPid(), 'SIGKILL');
    if (n === 14) await machine.ok(['daemon', 'restart']);
    await machine.ok(['send', 'bob', `number ${n}`]);
  }
  await following;
  expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => `number ${n}`));
}, 60_000);

test('a watcher that has seen nothing yet misses nothing that comes while it has lost the daemon', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before the watch']);
  const watcher = machine.start(['watch', '--as', 'bob', '--json']);
  await eventually(async () => {
    const { agents } = await machine.json<{ agents: { name: string; doors: string[] }[] }>(['who']);
    return agents.find((agent) => agent.name === 'bob' && agent.doors.includes('watch'));
  });
  // It may not dial again before the message is there.
  watcher.kill('SIGSTOP');
  process.kill(await machine.daemonPid(), 'SIGKILL');
  await machine.ok(['send', 'bob', 'while it was gone']);
  watcher.kill('SIGCONT');
  for await (const line of lines(watcher.stdout)) {
    expect(JSON.parse(line)).toMatchObject({ recipient: 'bob', message: { body: 'while it was gone' } });
    break;
  }
  watcher.kill();
}, 60_000);

test('two agents renamed while mail is in flight get all of it', async () => {
  await using machine = await openMachine();
  await machine.ok(['check', '--as', 'ann']);
  await machine.ok(['check', '--as', 'bob']);
  const flood = async (from: string, to: string): Promise<void> => {
    for (let n = 0; n < 20; n += 1) await machine.ok(['send', to, `${from} ${n}`, '--as', from]);
  };
  const renames = async (name: string): Promise<string> => {
    let current = name;
    for (let n = 1; n <= 3; n += 1) {
      await machine.ok(['rename', `${name}-${n}`, '--as', current]);
      current = `${name}-${n}`;
    }
    return current;
  };
  const [, , ann, bob] = await Promise.all([
    flood('cyd', 'ann'),
    flood('dan', 'bob'),
    renames('ann'),
    renames('bob'),
  ]);
  const bodies = async (name: string): Promise<string[]> =>
    (await everything(machine, name))
      .map((message) => message.body)
      .filter((body) => /^(cyd|dan) \d+$/.test(body));
  expect(await bodies(ann)).toEqual(Array.from({ length: 20 }, (_, n) => `cyd ${n}`));
  expect(await bodies(bob)).toEqual(Array.from({ length: 20 }, (_, n) => `dan ${n}`));
}, 60_000);

test('the home holds nothing that others of the machine could read', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'secret', '--file', import.meta.path]);
  const { stdout } = Bun.spawnSync(['find', machine.home, '-perm', '/077']);
  expect(stdout.toString()).toBe('');
  expect(await readdir(machine.home)).toContain('ipc.sock');
});

test('a daemon that is stopped in its tracks is said to be silent, within seconds, and goes on as if nothing was', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'before']);
  const pid = await machine.daemonPid();
  process.kill(pid, 'SIGSTOP');
  const refused = await Promise.all([
    machine.run(['send', 'bob', 'during']),
    machine.run(['check', '--as', 'bob']),
    machine.run(['daemon', 'stop']),
  ]);
  expect(refused.map((result) => result.code)).toEqual([69, 69, 69]);
  expect(refused[1]?.stderr).toContain('does not answer');
  process.kill(pid, 'SIGCONT');
  // It may have been stored, and says under which id: so sent again it is one message.
  const [id = ''] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(refused[0]?.stderr ?? '') ?? [];
  await machine.ok(['send', 'bob', 'during', '--id', id]);
  const bodies = (await everything(machine, 'bob')).map((message) => message.body);
  expect(bodies).toEqual(['before', 'during']);
}, 60_000);

test('what is printed to a closed stdout was handed to nobody', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'unseen']);
  const closed = Bun.spawnSync(['sh', '-c', '"$IPC" check --as bob >&-'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: machine.directory,
      USER: 'tester',
      IPC_HOME: machine.home,
      IPC: BINARY,
    },
  });
  expect(closed.exitCode).toBe(73);
  expect((await everything(machine, 'bob')).map((message) => message.body)).toEqual(['unseen']);
});
