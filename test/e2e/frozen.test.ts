/**
 * A daemon that is stopped in the middle of requests (SIGSTOP), with sessions open that were greeted before:
 * whoever waits for an answer is told within seconds, and whatever becomes of the daemon, nothing is lost or
 * doubled (design §4, issue 6).
 */
import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { openMcp } from './mcp-client.ts';
import { eventually, lines, openMachine, type Child, type Machine } from './machine.ts';

/** Twice the silence after which a daemon is asked for a sign of life, and something for a busy machine. */
const TOLD_MS = 20_000;

interface Watcher {
  readonly seen: readonly string[];
  readonly child: Child;
}

async function watcher(machine: Machine, name: string): Promise<Watcher> {
  const child = machine.start(['watch', '--as', name, '--json']);
  await present(machine, name, 'watch');
  const seen: string[] = [];
  void (async () => {
    for await (const line of lines(child.stdout))
      seen.push((JSON.parse(line) as { message: { body: string } }).message.body);
  })();
  return { seen, child };
}

async function present(machine: Machine, name: string, door: string): Promise<void> {
  await eventually(async () => {
    const { agents } = await machine.json<{ agents: { name: string; doors: string[] }[] }>(['who']);
    return agents.find((agent) => agent.name === name && agent.doors.includes(door));
  });
}

async function bodies(machine: Machine, name: string): Promise<string[]> {
  const { messages } = await machine.json<{ messages: { body: string; again: boolean }[] }>([
    ...['check', '--as', name, '--all', '--limit', '500'],
  ]);
  return messages.map(({ body, again }) => (again ? `${body} again` : body));
}

// Side by side: nearly all of it is waiting.
test.concurrent.each(['SIGCONT', 'SIGKILL'] as const)(
  'a daemon stopped in the middle of requests is said to be silent, and after %s nothing is lost or doubled',
  async (then) => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'before']);
    const watching = await watcher(machine, 'bob');
    await using ann = await openMcp(machine, { as: 'ann' });
    await ann.text('who');
    const waiting = machine.start(['check', '--as', 'cyd', '--wait', '60', '--json']);
    await present(machine, 'cyd', 'cli');
    const asking = machine.start(['ask', 'dan', 'still there?', '--as', 'eve', '--timeout', '60', '--json']);
    await eventually(async () =>
      (await bodies(machine, 'dan')).includes('still there?') ? true : undefined,
    );
    const pid = await machine.daemonPid();

    process.kill(pid, 'SIGSTOP');
    const begun = performance.now();
    // Greeted long before: only the answer to this very call is missing.
    const refused = await ann.refused('send', { to: 'bob', text: 'during' });
    const [checked, asked] = await Promise.all([waiting.exited, asking.exited]);
    expect(performance.now() - begun).toBeLessThan(TOLD_MS);
    expect(refused).toContain('does not answer');
    expect(refused).toContain('may be stored all the same');
    expect([checked, asked]).toEqual([69, 69]);
    expect(await waiting.stdout.text()).toContain('"daemon_unavailable"');
    const [id = ''] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(refused) ?? [];

    process.kill(pid, then);
    await machine.ok(['send', 'bob', 'after']);
    // What was said of it was true: by its id one learns which it was, and sent again it is one message.
    await machine.ok(['send', 'bob', 'during', '--as', 'ann', '--id', id]);
    expect(await ann.text('send', { to: 'bob', text: 'from the same session' })).toContain('bob');
    const expected = ['after', 'before', 'during', 'from the same session'];
    expect((await bodies(machine, 'bob')).toSorted()).toEqual(expected);
    // The watcher sat through it.
    await eventually(async () => (watching.seen.length >= 3 ? true : undefined));
    expect(watching.seen.toSorted()).toEqual(['after', 'during', 'from the same session']);
    expect(watching.child.exitCode).toBeNull();
    // Nothing was leased for those who gave up.
    await machine.ok(['send', 'cyd', 'for cyd']);
    expect(await bodies(machine, 'cyd')).toEqual(['for cyd']);
  },
  60_000,
);

test.concurrent(
  'a process that has the home and neither listens nor ends is named, within seconds, to all who come',
  async () => {
    await using machine = await openMachine();
    await machine.ok(['send', 'bob', 'before']);
    await machine.ok(['daemon', 'stop']);
    // As a daemon that was stopped while it started, or while it ended.
    const script = `
      const { Database } = require('bun:sqlite');
      globalThis.held = new Database(${JSON.stringify(join(machine.home, 'daemon.lock'))});
      held.run('BEGIN EXCLUSIVE');
      console.log('held');
      setInterval(() => held, 1_000);
    `;
    const holder = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' });
    for await (const _line of holder.stdout) break;
    const begun = performance.now();
    const refused = await Promise.all(
      ['one', 'two', 'three'].map((text) => machine.run(['send', 'bob', text, '--json'])),
    );
    expect(performance.now() - begun).toBeLessThan(TOLD_MS);
    expect(refused.map(({ code }) => code)).toEqual([69, 69, 69]);
    const said = refused.map(
      ({ stdout }) => JSON.parse(stdout) as { error: { message: string; hint: string } },
    );
    expect(said.map(({ error }) => error.hint)).toEqual(Array.from(said, () => 'ipc daemon logs'));
    expect(said.some(({ error }) => error.message.includes('daemon.lock'))).toBe(true);
    holder.kill('SIGKILL');
    await holder.exited;
    await machine.ok(['send', 'bob', 'after']);
    expect((await bodies(machine, 'bob')).toSorted()).toEqual(['after', 'before']);
  },
  60_000,
);
