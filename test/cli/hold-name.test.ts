/** Which name a server holds, and that the hooks and commands of its session find it (design §5). */
import { expect, test } from 'bun:test';
import { pruneBindings } from '../../src/system/keys.ts';
import { tryLock } from '../../src/system/lock.ts';
import { systemProcesses } from '../../src/system/processes.ts';
import { agentProgram, type AgentProgram, type Started } from '../support/agent-program.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { ipcCommand } from '../support/processes.ts';
import { until } from '../support/until.ts';

const holder = `${process.execPath} ${import.meta.dir}/../support/name-holder.ts`;
const ipc = ipcCommand.join(' ');

const THREAD = '01a1fc6a-9165-7ba1-98a3-b72bfcc42999';

interface Said {
  readonly name: string;
  readonly note: string;
  readonly pid: number;
  readonly moved?: boolean;
}

const session = (id: string) => ({ CLAUDE_CODE_SESSION_ID: id });

async function said(started: Started, line = 0): Promise<Said> {
  const lines = await started.lines(line + 1);
  return JSON.parse(lines[line] ?? '') as Said;
}

async function hold(client: AgentProgram, as = '', variables: Record<string, string> = {}): Promise<Said> {
  return said(await client.start(`${holder} ${as}`, variables));
}

async function whoami(client: AgentProgram, variables: Record<string, string> = {}): Promise<string> {
  const [line = ''] = await (await client.start(`${ipc} whoami --json`, variables)).lines(1);
  return (JSON.parse(line) as { you?: { name: string } }).you?.name ?? 'nobody';
}

async function here(client: AgentProgram): Promise<readonly string[]> {
  const [line = ''] = await (await client.start(`${ipc} who --json --as observer`)).lines(1);
  return (JSON.parse(line) as { agents: { name: string }[] }).agents.map(({ name }) => name);
}

async function gone(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await until(() => systemProcesses.alive({ pid, startedAt: '' }) || !exists(pid), `${pid} to end`);
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function isFree(path: string): Promise<boolean> {
  using lock = await tryLock(path);
  return lock !== undefined;
}

const start = (home: TestHome, name: string): Promise<AgentProgram> =>
  agentProgram(home.path, name, home.variables);

test('commands of the session act as what its server holds, told the id or not', async () => {
  await using home = await temporaryHome();
  await using claude = await start(home, 'claude');
  await using codex = await start(home, 'codex');
  expect((await hold(claude, '', session('s-1'))).name).toBe('agent-1');
  expect((await hold(codex)).name).toBe('agent-2');
  expect(await whoami(claude, session('s-1'))).toBe('agent-1');
  expect(await whoami(codex)).toBe('agent-2');
});

test('a name that was set up comes before what is bound; IPC_AGENT likewise', async () => {
  await using home = await temporaryHome();
  await using claude = await start(home, 'claude');
  const first = await hold(claude, '', session('s-1'));
  await gone(first.pid);
  const second = await hold(claude, 'nessa', session('s-1'));
  expect(second).toMatchObject({ name: 'nessa', note: '' });
  await gone(second.pid);
  expect((await hold(claude, '', { ...session('s-1'), IPC_AGENT: 'fred' })).name).toBe('fred');
});

test('after a resume (same session id, new process) the name is the same', async () => {
  await using home = await temporaryHome();
  const before = await start(home, 'claude');
  const { name } = await hold(before, '', session('s-1'));
  await before[Symbol.asyncDispose]();
  await using after = await start(home, 'claude');
  expect((await hold(after, '', session('s-1'))).name).toBe(name);
});

test('after /clear (new id, same process) a new server has the same name', async () => {
  await using home = await temporaryHome();
  await using claude = await start(home, 'claude');
  const { name, pid } = await hold(claude, '', session('s-1'));
  expect(await whoami(claude, session('s-2'))).toBe(name);
  await gone(pid);
  expect((await hold(claude, '', session('s-2'))).name).toBe(name);
});

test('a name held by another live session becomes name-2, and its commands act as that', async () => {
  await using home = await temporaryHome();
  await using one = await start(home, 'claude');
  await using other = await start(home, 'claude');
  expect((await hold(one, 'alice', session('s-1'))).name).toBe('alice');
  const second = await hold(other, 'alice', session('s-2'));
  expect(second).toMatchObject({
    name: 'alice-2',
    note: expect.stringContaining('another live session held that name'),
  });
  expect(await whoami(one, { ...session('s-1'), IPC_AGENT: 'alice' })).toBe('alice');
  expect(await whoami(other, { ...session('s-2'), IPC_AGENT: 'alice' })).toBe('alice-2');
});

test('started again before the server of the client that ended has noticed, it has the name', async () => {
  await using home = await temporaryHome();
  await using one = await start(home, 'claude');
  const first = await hold(one, 'alice', session('s-1'));
  expect(first.name).toBe('alice');
  process.kill(one.pid, 'SIGKILL');
  await using other = await start(home, 'claude');
  const second = await other.start(`${holder} alice`, session('s-2'));
  await until(async () => !(await isFree(`${home.path}/naming.lock`)), 'the second to be naming itself');
  expect(await whoami(other)).toBe('tester');
  await gone(first.pid);
  expect(await said(second)).toMatchObject({ name: 'alice', note: '' });
}, 20_000);

test('the same session resumed while it is still open elsewhere is another agent', async () => {
  await using home = await temporaryHome();
  await using one = await start(home, 'claude');
  await using other = await start(home, 'claude');
  expect((await hold(one, 'alice', session('s-1'))).name).toBe('alice');
  expect((await hold(other, 'alice', session('s-1'))).name).toBe('alice-2');
});

test('two servers of one session share its name; two of a process that tells no session do not', async () => {
  await using home = await temporaryHome();
  await using claude = await start(home, 'claude');
  await using codex = await start(home, 'codex');
  const [one, other] = [await hold(claude, '', session('s-1')), await hold(claude, '', session('s-1'))];
  expect(other.name).toBe(one.name);
  expect((await hold(codex)).name).toBe('agent-2');
  expect((await hold(codex)).name).toBe('agent-2-2');
}, 20_000);

test('agent-N never takes a name that is used', async () => {
  await using home = await temporaryHome();
  await using claude = await start(home, 'claude');
  await using codex = await start(home, 'codex');
  expect((await hold(claude, 'agent-1', session('s-1'))).name).toBe('agent-1');
  expect((await hold(codex)).name).toBe('agent-2');
});

test('a client below another (Claude Code inside Codex) does not inherit the outer one’s name', async () => {
  await using home = await temporaryHome();
  await using outer = await start(home, 'codex');
  await using program = await start(home, 'claude');
  expect((await hold(outer)).name).toBe('agent-1');
  const inner = (command: string) =>
    outer.start(`${program.file} -c '${command}; true'`, { ...session('s-1'), CODEX_THREAD_ID: 't-1' });
  expect(await said(await inner(holder))).toMatchObject({ name: 'agent-2', note: '' });
  const [line = ''] = await (await inner(`${ipc} whoami --json`)).lines(1);
  expect(JSON.parse(line)).toMatchObject({ you: { name: 'agent-2' } });
});

test('a server follows when a hook finds out which session its process runs', async () => {
  await using home = await temporaryHome();
  await using codex = await start(home, 'codex');
  const server = await codex.start(holder);
  const { name, pid } = await said(server);
  process.kill(pid, 'SIGUSR1');
  expect(await said(server, 1)).toEqual({ moved: false, name } as Said);
  await (await codex.start(`${ipc} rename nessa --json`)).lines(1);
  process.kill(pid, 'SIGUSR1');
  expect(await said(server, 2)).toEqual({ moved: true, name: 'nessa' } as Said);
  process.kill(pid, 'SIGUSR2');
  expect((await said(server, 3)).name).toBe('renamed');
  expect(await whoami(codex)).toBe('renamed');
});

test('a server takes over the name that a hook of its session took first, and frees it when it ends', async () => {
  await using home = await temporaryHome();
  await using claude = await start(home, 'claude');
  const event = `${home.path}/event.json`;
  await Bun.write(
    event,
    JSON.stringify({ session_id: 's-1', hook_event_name: 'SessionStart', source: 'startup', cwd: home.path }),
  );
  const [line] = await (await claude.start(`${ipc} hook <${event}`, session('s-1'))).lines(1);
  expect(line).toContain('the agent \\"agent-1\\"');
  const { name, pid } = await hold(claude, '', session('s-1'));
  expect(name).toBe('agent-1');
  await gone(pid);
  await until(async () => !(await here(claude)).includes('agent-1'), 'agent-1 to be gone');
});

test.each(['register', 'rename'])(
  'a name that a command of the session takes (%s) is its server’s and its hooks’ too, whatever the set-up gave',
  async (verb) => {
    await using home = await temporaryHome();
    await using claude = await start(home, 'claude');
    const server = await claude.start(`${holder} nessa`, session('s-1'));
    const { pid } = await said(server);
    await (await claude.start(`${ipc} ${verb} fred --json`, session('s-1'))).lines(1);
    process.kill(pid, 'SIGUSR1');
    expect(await said(server, 1)).toEqual({ moved: true, name: 'fred' } as Said);
    expect(await whoami(claude, session('s-1'))).toBe('fred');
    expect(await whoami(claude, { ...session('s-1'), IPC_AGENT: 'nessa' })).toBe('fred');
  },
);

test('Codex resumed: its server is told no thread, the hook is, and the server follows to the old name', async () => {
  await using home = await temporaryHome();
  const event = `${home.path}/event.json`;
  const facts = {
    session_id: THREAD,
    hook_event_name: 'SessionStart',
    transcript_path: null,
    source: 'resume',
  };
  await Bun.write(event, JSON.stringify(facts));
  const before = await start(home, 'codex');
  expect((await hold(before)).name).toBe('agent-1');
  const [first] = await (await before.start(`${ipc} hook <${event}`)).lines(1);
  expect(first).toContain('the agent \\"agent-1\\"');
  await before[Symbol.asyncDispose]();

  await using after = await start(home, 'codex');
  const server = await after.start(holder);
  const { name, pid } = await said(server);
  expect(name).toBe('agent-2');
  await Bun.write(event, JSON.stringify({ ...facts, source: 'startup' }));
  const [again] = await (await after.start(`${ipc} hook <${event}`)).lines(1);
  expect(again).toContain('the agent \\"agent-1\\"');
  process.kill(pid, 'SIGUSR1');
  expect(await said(server, 1)).toEqual({ moved: true, name: 'agent-1' } as Said);
});

test('two sessions of one Codex process: each hook acts as the server that was started for its thread', async () => {
  await using home = await temporaryHome();
  await using codex = await start(home, 'codex');
  const begun = async (): Promise<{ thread: string; server: Started; name: string; pid: number }> => {
    // A thread's id begins with when it was made.
    const made = Date.now().toString(16).padStart(12, '0');
    const thread = `${made.slice(0, 8)}-${made.slice(8)}-7ba1-98a3-b72bfcc42999`;
    const server = await codex.start(holder);
    const { name, pid } = await said(server);
    return { thread, server, name, pid };
  };
  const greeted = async (thread: string, source: string): Promise<string> => {
    const event = `${home.path}/${thread}.json`;
    const facts = { session_id: thread, hook_event_name: 'SessionStart', transcript_path: null, source };
    await Bun.write(event, JSON.stringify(facts));
    const [line = ''] = await (await codex.start(`${ipc} hook <${event}`)).lines(1);
    return /the agent \\"([\w.-]+)\\"/.exec(line)?.[1] ?? line;
  };
  const [one, other] = [await begun(), await begun()];
  expect([one.name, other.name]).toEqual(['agent-1', 'agent-1-2']);
  // The first to be spoken to is not the last that was started.
  expect(await greeted(one.thread, 'startup')).toBe('agent-1');
  expect(await greeted(other.thread, 'startup')).toBe('agent-1-2');
  await (await codex.start(`${ipc} rename nessa --json`, { CODEX_THREAD_ID: other.thread })).lines(1);
  for (const { pid } of [one, other]) process.kill(pid, 'SIGUSR1');
  expect(await said(one.server, 1)).toEqual({ moved: false, name: 'agent-1' } as Said);
  expect(await said(other.server, 1)).toEqual({ moved: true, name: 'nessa' } as Said);
});

test('what is bound to an agent program that is gone is taken away', async () => {
  await using home = await temporaryHome();
  const codex = await start(home, 'codex');
  await hold(codex);
  expect(pruneBindings(home.paths, systemProcesses.alive)).toBe(0);
  await codex[Symbol.asyncDispose]();
  expect(pruneBindings(home.paths, systemProcesses.alive)).toBe(1);
});
