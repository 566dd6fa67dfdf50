/**
 * The queue of an idle Codex, with the compiled binary below a program that is taken for Codex, hooks as
 * Codex runs them, and a `codex` on the PATH that is the far end: it writes down what it is told.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agentProgram, type AgentProgram, type Started } from '../support/agent-program.ts';
import { contextOf, receipt, send, THREAD } from './hook-session.ts';
import { BINARY, eventually, openMachine, type Machine } from './machine.ts';

let machine: Machine;
let codex: AgentProgram;
let server: Started;
let programs: string;

beforeEach(async () => {
  machine = await openMachine();
  programs = join(machine.userHome, 'bin');
  await mkdir(programs, { recursive: true });
  await far('exit 0');
  const path = `${programs}:/usr/bin:/bin`;
  codex = await agentProgram(machine.directory, 'codex', { ...machine.environment, PATH: path });
  // Its stdin stays open, and what it says is kept.
  server = await codex.start(`sh -c 'sleep 600 | ${BINARY} mcp 2>&1'`);
  await door('tool');
});
afterEach(async () => {
  await codex[Symbol.asyncDispose]();
  await machine[Symbol.asyncDispose]();
});

/** What `codex` does once it has written down its arguments, one a line and an empty one at the end. */
async function far(then: string): Promise<void> {
  const path = join(programs, 'codex');
  await Bun.write(path, `#!/bin/sh\nprintf '%s\\n' "$@" '' >> ${programs}/told\n${then}\n`);
  await chmod(path, 0o755);
}

const told = async (): Promise<string> => readFile(join(programs, 'told'), 'utf8').catch(() => '');

const door = (name: string): Promise<string> =>
  eventually(async () => {
    const { agents } = await machine.json<{ agents: { name: string; doors: string[] }[] }>(['who']);
    return agents.find(({ doors }) => doors.includes(name))?.name;
  }, 20_000);

async function hook(event: string, more: Record<string, unknown> = {}): Promise<string> {
  const file = join(machine.directory, `${crypto.randomUUID()}.json`);
  const facts = { session_id: THREAD, transcript_path: null, cwd: '/tmp', hook_event_name: event, ...more };
  await Bun.write(file, JSON.stringify(facts));
  const run = await codex.start(`sh -c '${BINARY} hook <${file}; echo; echo done'`);
  const output = await eventually(async () => {
    const text = await run.output();
    return text.endsWith('done\n') ? text.slice(0, -6).trim() : undefined;
  });
  return output === '' ? '' : contextOf(JSON.parse(output) as Record<string, unknown>);
}

/** A session that began, and waits for its person. */
async function idle(): Promise<string> {
  await hook('SessionStart', { source: 'startup' });
  return door('queue');
}

const becomes = (id: string, state: string): Promise<Record<string, unknown>> =>
  eventually(async () => {
    const found = await receipt(machine, id);
    return found['state'] === state ? found : undefined;
  }, 20_000);

const queued = (times: number): Promise<string> =>
  eventually(async () => {
    const text = await told();
    return text.split('--thread').length > times ? text : undefined;
  }, 20_000);

/** The prompt that the last call queued. */
const prompt = async (): Promise<string> => ((await told()).split('--message\n').at(-1) ?? '').trim();

describe('an idle session', () => {
  test('is woken once; what was queued is offered, and seen when its prompt is submitted', async () => {
    const name = await idle();
    const id = await send(machine, name, '$(touch x) `id` -u are you there');
    expect(await becomes(id, 'offered')).toMatchObject({ offeredBy: ['queue'] });
    expect(await told()).toStartWith(
      `queue\n--thread\n${THREAD}\n--message\n${id} tester: $(touch x) \`id\` -u are you there\nBrought by ipc`,
    );
    expect(await hook('UserPromptSubmit', { turn_id: 't', prompt: await prompt() })).toBe('');
    expect(await becomes(id, 'seen')).toMatchObject({ door: 'queue' });
    await hook('Stop', { turn_id: 't' });
    const next = await send(machine, name, 'and another');
    await becomes(next, 'offered');
    expect((await told()).split('are you there')).toHaveLength(2);
  });

  test('of a long message is shown the beginning, and handed the whole with the prompt', async () => {
    const name = await idle();
    const id = await send(machine, name, `${'x'.repeat(400)} THE END`);
    await becomes(id, 'offered');
    expect(await prompt()).toContain('(cut; check hands it over)');
    expect(await hook('UserPromptSubmit', { turn_id: 't', prompt: await prompt() })).toContain('THE END');
    expect(await becomes(id, 'handed')).toMatchObject({ door: 'hook' });
  });

  test('is told of a burst together', async () => {
    const name = await idle();
    const ids = await Promise.all(['a', 'b', 'c'].map((text) => send(machine, name, text)));
    for (const id of ids) await becomes(id, 'offered');
    expect((await told()).split('--thread')).toHaveLength(2);
  });

  test('is told of what lies behind more than one page of unread messages too', async () => {
    const name = await door('tool');
    const body = 'x'.repeat(60_000);
    const ids: string[] = [];
    for (let at = 0; at < 10; at += 1) ids.push(await send(machine, name, `${at} ${body}`));
    await idle();
    const [first, last] = [ids.slice(0, 5), ids.slice(5)];
    for (const id of first) await becomes(id, 'offered');
    await machine.ok(['ack', ...first], { env: { CODEX_THREAD_ID: THREAD } });
    for (const id of last) await becomes(id, 'offered');
  });

  test('that is woken by others does not begin a chain anew: no person has spoken', async () => {
    const name = await idle();
    await machine.ok(['config', 'set', 'guard.depth', '2']);
    const bot = { env: { IPC_AGENT: 'bot', CODEX_THREAD_ID: 'of-a-bot' } };
    const own = { env: { CODEX_THREAD_ID: THREAD } };
    const ping = async (text: string): Promise<void> => {
      const { id } = await machine.json<{ id: string }>(['send', name, text], bot);
      await eventually(async () => ((await prompt()).includes(id) ? true : undefined), 20_000);
    };
    const pong = async (text: string): Promise<string> => {
      const { id } = await machine.json<{ id: string }>(['send', 'bot', text], own);
      return machine.ok(['receipts', id], own);
    };
    await ping('ping');
    await hook('UserPromptSubmit', { turn_id: 't', prompt: await prompt() });
    expect(await pong('pong')).toContain('held');
    await hook('UserPromptSubmit', { turn_id: 't', prompt: 'go on' });
    expect(await pong('a person said so')).toContain('queued');
  });
});

describe('nothing is claimed', () => {
  test('when codex queue fails: said once, and the hook hands over what waits', async () => {
    await far('echo "Error: no rollout found for thread id" >&2; exit 1');
    const name = await idle();
    const ids = [await send(machine, name, 'first')];
    await queued(1);
    ids.push(await send(machine, name, 'second'));
    await queued(2);
    for (const id of ids) expect(await receipt(machine, id)).toMatchObject({ state: 'queued' });
    const said = await server.output();
    expect(said.split('codex queue ended with 1: Error: no rollout found')).toHaveLength(2);
    const handed = await hook('UserPromptSubmit', { turn_id: 't', prompt: 'hello' });
    expect(handed).toContain('first');
    expect(handed).toContain('second');
    expect((await told()).split('--thread')).toHaveLength(3);
  });

  test('when codex queue hangs: it is ended', async () => {
    await far('exec sleep 600');
    const id = await send(machine, await idle(), 'into the void');
    await queued(1);
    await eventually(
      async () => ((await server.output()).includes('said nothing for') ? true : undefined),
      20_000,
    );
    expect(await receipt(machine, id)).toMatchObject({ state: 'queued' });
  });

  test('while it works: its hooks bring what comes, and nothing is queued', async () => {
    const name = await idle();
    await hook('UserPromptSubmit', { turn_id: 't', prompt: 'work' });
    const id = await send(machine, name, 'meanwhile');
    expect(await hook('PostToolUse', { turn_id: 't', tool_name: 'exec_command' })).toContain('meanwhile');
    await becomes(id, 'handed');
    const next = await send(machine, name, 'when it is done');
    await hook('Stop', { turn_id: 't' });
    await becomes(next, 'handed');
    expect(await told()).toBe('');
  });

  test('as long as no hook has said which thread it is: the door is closed', async () => {
    const name = await door('tool');
    const id = await send(machine, name, 'too early');
    expect(await machine.ok(['who'])).not.toContain('queue');
    expect(await receipt(machine, id)).toMatchObject({ state: 'queued' });
    expect(await told()).toBe('');
    // Then it is woken by what waited.
    await idle();
    await becomes(id, 'offered');
  });

  test('when its Codex is gone', async () => {
    const name = await idle();
    process.kill(codex.pid, 'SIGKILL');
    await eventually(async () => ((await machine.ok(['who'])).includes('queue') ? undefined : true), 20_000);
    const id = await send(machine, name, 'too late');
    expect(await receipt(machine, id)).toMatchObject({ state: 'queued' });
    expect(await told()).toBe('');
  });
});
