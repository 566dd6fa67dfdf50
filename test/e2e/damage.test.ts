/** What becomes of a store whose files were damaged: who is told what, and what the repair brings back. */
import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { testAttack } from '../torture/attack.ts';
import { damage } from '../torture/disk/damage.ts';
import { BINARY, eventually, openMachine, type Machine } from './machine.ts';

interface Shown {
  readonly id: string;
  readonly body: string;
  readonly again: boolean;
  readonly attachments?: readonly { readonly path: string; readonly missing?: true }[];
}

async function mail(machine: Machine, name: string): Promise<readonly Shown[]> {
  return (await machine.json<{ messages: Shown[] }>(['check', '--as', name, '--all'])).messages;
}

interface Report {
  readonly ok: boolean;
  readonly repair: {
    readonly done: string;
    readonly saved: Readonly<Record<'messages' | 'deliveries' | 'agents' | 'topics', number>>;
    readonly lost: { readonly messages: number; readonly numbers: number };
    readonly blobs: { readonly missing: readonly string[]; readonly reattached: number };
    readonly kept: readonly string[];
  };
  readonly findings: readonly { readonly what: string; readonly state: string; readonly found: string }[];
}

async function doctor(machine: Machine, ...more: readonly string[]): Promise<Report> {
  return JSON.parse((await machine.run(['doctor', ...more, '--json'])).stdout) as Report;
}

/** Page 1 of a database with garbage in it: no engine opens it. */
function breakHeader(machine: Machine): string {
  const path = join(machine.home, 'ipc.db');
  const bytes = readFileSync(path);
  bytes.fill(0x5a, 0, 100);
  writeFileSync(path, bytes, { flag: 'r+' });
  return path;
}

const besides = (machine: Machine, what: string): readonly string[] =>
  readdirSync(machine.home).filter((name) => name.includes(what));

testAttack(damage);

describe('a damaged store', () => {
  test('keeps through its repair who is who, what they had read, held, muted, joined and renamed', async () => {
    await using machine = await openMachine();
    await machine.ok(['topic', 'join', '#ops', '--as', 'ann']);
    await machine.ok(['send', 'ann', 'read before']);
    await mail(machine, 'ann');
    await machine.ok(['send', '#ops', 'to the topic', '--as', 'bob']);
    await machine.ok(['mute', 'loud', '--as', 'ann']).catch(() => undefined);
    await machine.ok(['rename', 'robert', '--as', 'bob']);
    await machine.ok(['pause', '--as', 'cyd']);
    await machine.ok(['send', 'cyd', 'held for cyd']);
    await machine.ok(['send', 'ann', 'a request', '--as', 'robert', '--intent', 'request']);
    await machine.ok(['send', 'ann', 'long: '.concat('x'.repeat(30_000))]);
    await machine.ok(['daemon', 'stop']);
    const path = breakHeader(machine);
    const damaged = readFileSync(path);

    const refused = await machine.run(['check', '--as', 'ann']);
    expect(refused.code).toBe(69);
    expect(refused.stderr).toContain('try: ipc doctor --repair');
    const found = await doctor(machine);
    expect(found.findings.filter(({ state }) => state === 'fail').map(({ what }) => what)).toEqual([
      'daemon',
      'store',
    ]);

    const { ok, repair } = await doctor(machine, '--repair');
    expect(ok).toBe(true);
    expect(repair).toMatchObject({ done: 'repaired', lost: { messages: 0, numbers: 0 } });
    expect(readFileSync(repair.kept[0] ?? '').equals(damaged)).toBe(true);

    // The same keys open the same mailboxes; what was read stays read.
    expect((await mail(machine, 'ann')).map(({ body }) => body.slice(0, 12))).toEqual([
      'to the topic',
      'a request',
      'long: xxxxxx',
    ]);
    expect(await machine.ok(['send', 'bob', 'by the old name', '--as', 'ann'])).toContain('robert');
    expect((await mail(machine, 'robert')).map(({ body }) => body)).toContain('by the old name');
    expect(await mail(machine, 'cyd')).toEqual([]);
    await machine.ok(['pause', '--off', '--as', 'cyd']);
    expect((await mail(machine, 'cyd')).map(({ body }) => body)).toEqual(['held for cyd']);
    await machine.ok(['send', '#ops', 'still joined', '--as', 'robert']);
    expect((await mail(machine, 'ann')).map(({ body }) => body)).toContain('still joined');
    expect(await machine.ok(['search', 'topic', '--as', 'ann'])).toContain('to the topic');
  }, 60_000);

  test('that lost messages has their senders and recipients told', async () => {
    await using machine = await openMachine();
    const id = (
      await machine.json<{ id: string }>(['send', 'bob', `doomed ${'#'.repeat(2_000)}`, '--as', 'ann'])
    ).id;
    await machine.ok(['check', '--as', 'bob', '--peek']);
    await machine.ok(['daemon', 'stop']);
    const path = join(machine.home, 'ipc.db');
    const bytes = readFileSync(path);
    const page = Math.floor(bytes.indexOf('doomed ##') / 4_096) * 4_096;
    bytes.fill(0, page, page + 4_096);
    writeFileSync(path, bytes);

    const { repair } = await doctor(machine, '--repair');
    expect(repair.lost.messages).toBe(1);
    for (const name of ['ann', 'bob']) {
      const [notice] = await mail(machine, name);
      expect(notice?.body).toContain(id);
      expect(notice?.body).toContain('from ann to bob: lost');
    }
    expect(await machine.ok(['doctor', '--repair'])).toContain('the store is sound');
    expect(besides(machine, '.db.damaged-').filter((name) => !/-wal$|-shm$/.test(name))).toHaveLength(1);
  }, 60_000);

  test('whose repair is killed at any moment is as it was, and is repaired by the next', async () => {
    await using machine = await openMachine();
    for (let nth = 0; nth < 20; nth += 1) await machine.ok(['send', 'bob', `number ${nth}`, '--as', 'ann']);
    await machine.ok(['daemon', 'stop']);
    breakHeader(machine);
    for (let delay = 0; delay < 10; delay += 1) {
      const child = machine.start(['daemon', 'run', '--repair']);
      const log = join(machine.home, 'daemon.log');
      const begun = (): number => readFileSync(log, 'utf8').split(' repair store=').length;
      const before = begun();
      await eventually(async () => (begun() > before || child.exitCode !== null ? true : undefined));
      const until = performance.now() + delay * 4;
      await eventually(async () => (performance.now() >= until ? true : undefined));
      child.kill('SIGKILL');
      await child.exited;
    }
    await doctor(machine, '--repair');
    const bodies = (await mail(machine, 'bob'))
      .map(({ body }) => body)
      .filter((body) => body.startsWith('number'));
    expect(bodies).toEqual(Array.from({ length: 20 }, (_, nth) => `number ${nth}`));
  }, 60_000);

  test('is repaired while commands wait: none of them starts a daemon on half a store', async () => {
    await using machine = await openMachine();
    for (let nth = 0; nth < 10; nth += 1) await machine.ok(['send', 'bob', `number ${nth}`, '--as', 'ann']);
    await machine.ok(['daemon', 'stop']);
    breakHeader(machine);
    const repairing = machine.run(['doctor', '--repair', '--json']);
    await eventually(async () => (besides(machine, '.damaged-').length > 0 ? true : undefined));
    const sent = await Promise.all(
      [1, 2, 3].map((nth) => machine.run(['send', 'bob', `meanwhile ${nth}`, '--as', 'cyd'])),
    );
    expect((await repairing).code).toBe(0);
    expect(sent.map(({ code, stderr }) => `${code} ${stderr}`)).toEqual(['0 ', '0 ', '0 ']);
    expect(await mail(machine, 'bob')).toHaveLength(13);
  }, 60_000);
});

describe('a store that is not what it was', () => {
  test('made by a newer ipc is left to it: no command, no doctor and no repair touches it', async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'hello']);
    await machine.ok(['daemon', 'stop']);
    const path = join(machine.home, 'ipc.db');
    const newer = new Database(path);
    newer.run('PRAGMA user_version = 999');
    newer.close();
    const before = readFileSync(path);
    for (const args of [['check', '--as', 'bob'], ['doctor'], ['doctor', '--repair']]) {
      const { code, stdout, stderr } = await machine.run(args);
      expect(code).not.toBe(0);
      expect(stdout + stderr).toContain('made by a newer ipc');
      expect(stdout + stderr).toContain('try: ipc version');
    }
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('emptied is no new mailbox: nobody is let in before the repair, and no number is given out twice', async () => {
    await using machine = await openMachine();
    for (let nth = 0; nth < 5; nth += 1) await machine.ok(['send', 'bob', `number ${nth}`]);
    await machine.ok(['daemon', 'stop']);
    truncateSync(join(machine.home, 'ipc.db'), 0);
    expect((await machine.run(['send', 'bob', 'into the void'])).stderr).toContain('found an empty file');
    const { repair } = await doctor(machine, '--repair');
    expect(repair.lost.numbers).toBeGreaterThanOrEqual(10);
    const seqs = (): number[] => {
      const sql = new Database(join(machine.home, 'ipc.db'), { readonly: true });
      return sql
        .query<{ seq: number }, []>('SELECT seq FROM message')
        .all()
        .map(({ seq }) => seq);
    };
    await machine.ok(['send', 'bob', 'after']);
    expect(Math.min(...seqs())).toBeGreaterThan(10);
  });

  test('deleted under its daemon is put back by it, with every message that was acknowledged', async () => {
    await using machine = await openMachine();
    for (let nth = 0; nth < 5; nth += 1) await machine.ok(['send', 'bob', `number ${nth}`]);
    const pid = await machine.daemonPid();
    rmSync(join(machine.home, 'ipc.db'));
    const refused = await machine.run([
      'send',
      'bob',
      'refused',
      '--id',
      '0198f3c2-0000-7000-8000-000000000001',
    ]);
    const bodies = async () => (await mail(machine, 'bob')).map(({ body }) => body);
    await eventually(async () => (existsSync(`/proc/${pid}`) ? undefined : true));
    const shown = await bodies();
    // It was refused, or went to the daemon that came after: then it is there.
    const kept = refused.code === 0 ? [...numbers(5), 'refused'] : numbers(5);
    expect(shown).toEqual(kept);
    expect((await doctor(machine)).ok).toBe(true);
  });

  test('whose log is deleted under its daemon loses nothing', async () => {
    await using machine = await openMachine();
    for (let nth = 0; nth < 5; nth += 1) await machine.ok(['send', 'bob', `number ${nth}`]);
    rmSync(join(machine.home, 'ipc.db-wal'));
    expect((await machine.run(['daemon', 'restart'])).code).toBe(0);
    expect((await mail(machine, 'bob')).map(({ body }) => body)).toEqual(numbers(5));
  });

  test('opened by another program after a crash is not taken for damaged', async () => {
    await using machine = await openMachine();
    for (let nth = 0; nth < 5; nth += 1) await machine.ok(['send', 'bob', `number ${nth}`]);
    const pid = await machine.daemonPid();
    process.kill(pid, 'SIGKILL');
    await eventually(async () => (existsSync(`/proc/${pid}`) ? undefined : true));
    // It takes the log into the database and removes it, as every last program does.
    const other = new Database(join(machine.home, 'ipc.db'));
    other.query('SELECT count(*) FROM message').get();
    other.close();
    expect(existsSync(join(machine.home, 'ipc.db-wal'))).toBe(false);
    expect((await mail(machine, 'bob')).map(({ body }) => body)).toEqual(numbers(5));
  });
});

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, nth) => `number ${nth}`);
}

describe('the files of messages', () => {
  test('that are missing are said to be, by message, and keep nobody from the rest', async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'with a file', '--file', import.meta.path, '--as', 'ann']);
    await machine.ok(['send', 'bob', 'plain', '--as', 'ann']);
    const [first] = await mail(machine, 'bob');
    const file = first?.attachments?.[0]?.path ?? '';
    renameSync(file, `${file}.elsewhere`);

    await machine.ok(['send', 'bob', 'more', '--as', 'ann']);
    expect((await mail(machine, 'bob')).map(({ body }) => body)).toEqual(['more']);
    expect(await machine.ok(['history', first?.id ?? '', '--as', 'bob'])).toContain('the file is missing');
    const store = (await doctor(machine)).findings.find(({ what }) => what === 'store');
    expect(store?.state).toBe('fail');
    expect(store?.found).toContain(`of message ${first?.id} from ann`);

    // It lies under another name: its bytes say whose it is.
    const { ok, repair } = await doctor(machine, '--repair');
    expect({ ok, ...repair.blobs }).toMatchObject({ ok: true, reattached: 1, missing: [] });
    expect(await machine.ok(['history', first?.id ?? '', '--as', 'bob'])).not.toContain('missing');
  });

  test('that were cut or altered are found, put aside by the repair, and their text is refused', async () => {
    await using machine = await openMachine();
    const text = 'long '.repeat(30_000);
    const { id } = await machine.json<{ id: string }>(['send', 'bob', '-', '--as', 'ann'], { stdin: text });
    const [blob] = await machine
      .json<{ messages: { bodyBlob: { path: string } }[] }>(['check', '--as', 'bob'])
      .then(({ messages }) => messages.map(({ bodyBlob }) => bodyBlob.path));
    expect(await machine.ok(['history', id, '--as', 'bob', '--body'])).toBe(text);
    const path = blob ?? '';
    chmodSync(path, 0o600);
    writeFileSync(path, 'l0ng '.repeat(30_000));
    expect((await doctor(machine)).findings.find(({ what }) => what === 'store')?.found).toContain(
      `not what its name says, of message ${id} from ann`,
    );
    const { repair } = await doctor(machine, '--repair');
    expect(repair.blobs.missing).toEqual([path]);
    const refused = await machine.run(['history', id, '--as', 'bob', '--body']);
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 66, stdout: '' });
    expect(refused.stderr).toContain('try: ipc doctor --repair');
    appendFileSync(path, 'cut');
    expect((await machine.run(['history', id, '--as', 'bob', '--body'])).code).toBe(66);
  });
});

test('a look at the store holds up nobody: sends go on while the doctor reads it', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', 'first']);
  const looking = machine.run(['doctor', '--json']);
  const sent = await Promise.all(numbers(10).map((body) => machine.run(['send', 'bob', body])));
  expect(sent.map(({ code }) => code)).toEqual(numbers(10).map(() => 0));
  expect((await looking).code).toBe(0);
  expect(BINARY).toContain('dist');
});
