/**
 * The very command a client would start, started and talked to as a client does: initialize, then a message
 * to itself and back. By hand-written JSON-RPC, so that no client library forgives what a real client would
 * not. It runs in a home of its own that is taken away afterwards: nothing of it stays among the user's
 * names and messages, and whatever session the doctor runs in keeps its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pause } from '../system/clock.ts';
import { type Environment, variable } from '../system/environment.ts';
import type { ServerCommand } from './inspect.ts';

export type Probe =
  | { readonly state: 'answered'; readonly server: string; readonly tools: number; readonly carried: boolean }
  | { readonly state: 'silent'; readonly why: string };

type Message = Readonly<Record<string, unknown>>;

const PATIENCE_MS = 15_000;
/** Current when stdio clients of today were written; newer ones still offer it. */
const REVISION = '2025-11-25';
const KEPT =
  /^(PATH|HOME|USER|LOGNAME|USERPROFILE|APPDATA|LOCALAPPDATA|SystemRoot|windir|TEMP|TMP|TMPDIR|LANG|LC_ALL|PATHEXT)$/i;

export async function probe(environment: Environment, server: ServerCommand): Promise<Probe> {
  // Short, for the socket in it.
  const home = mkdtempSync(`${tmpdir()}/ipc-probe-`);
  const env = { ...scrubbed(environment), ...server.env, IPC_HOME: home };
  try {
    return await converse(server, env);
  } finally {
    await stopDaemon(server, env);
    rmSync(home, { recursive: true, force: true });
  }
}

/** What a desktop's program has, and none of this shell's session ids. */
function scrubbed(environment: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of Object.keys(environment.variables)) {
    const value = KEPT.test(name) ? variable(environment, name) : undefined;
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

async function converse({ words }: ServerCommand, env: Record<string, string>): Promise<Probe> {
  let child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>;
  try {
    child = Bun.spawn([...words], { env, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
  } catch (error) {
    return {
      state: 'silent',
      why: `it does not start: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  const trouble = child.stderr.text();
  const answers = readAnswers(child.stdout);
  // One that does not read us any more (EPIPE) has ended or is about to, and says by its exit why.
  const unheard = (work: () => unknown): Promise<void> =>
    Promise.resolve()
      .then(work)
      .then(
        () => undefined,
        () => undefined,
      );
  const say = (message: Message): void => {
    void unheard(() => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`));
    void unheard(() => child.stdin.flush());
  };
  const talk = async (): Promise<Probe> => {
    const client = { name: 'ipc-doctor', version: '1' };
    say({
      id: 1,
      method: 'initialize',
      params: { protocolVersion: REVISION, capabilities: {}, clientInfo: client },
    });
    const hello = resultOf(await answers(1));
    say({ method: 'notifications/initialized' });
    say({ id: 2, method: 'tools/list', params: {} });
    const { tools } = resultOf(await answers(2));
    const word = `round trip ${mark(env)}`;
    say({ id: 3, method: 'tools/call', params: { name: 'register', arguments: { name: 'doctor' } } });
    await answers(3);
    say({ id: 4, method: 'tools/call', params: { name: 'send', arguments: { to: 'doctor', text: word } } });
    await answers(4);
    say({ id: 5, method: 'tools/call', params: { name: 'check', arguments: {} } });
    const handed = JSON.stringify(resultOf(await answers(5)));
    return {
      state: 'answered',
      server: serverName(hello),
      tools: Array.isArray(tools) ? tools.length : 0,
      carried: handed.includes(word),
    };
  };
  try {
    return await Promise.race([talk(), ended(child, trouble), tooLate()]);
  } catch (error) {
    return { state: 'silent', why: error instanceof Error ? error.message : String(error) };
  } finally {
    await unheard(() => child.stdin.end());
    child.kill();
    await child.exited;
  }
}

async function ended(child: Bun.Subprocess, trouble: Promise<string>): Promise<Probe> {
  const code = await child.exited;
  const said = (await trouble).trim().split('\n')[0] ?? '';
  return { state: 'silent', why: `it ended with ${code}${said === '' ? '' : `: ${said}`}` };
}

async function tooLate(): Promise<Probe> {
  await pause(PATIENCE_MS);
  return { state: 'silent', why: `no answer within ${PATIENCE_MS / 1000} s` };
}

/** Answers by id, whatever notifications come between. */
function readAnswers(stdout: ReadableStream<Uint8Array>): (id: number) => Promise<Message> {
  const known = new Map<number, (message: Message) => void>();
  const early = new Map<number, Message>();
  void (async () => {
    const text = new TextDecoder();
    let rest = '';
    for await (const chunk of stdout) {
      rest += text.decode(chunk, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const message = parsed(line);
        const id = message?.['id'];
        if (message === undefined || typeof id !== 'number') continue;
        const waiting = known.get(id);
        if (waiting === undefined) early.set(id, message);
        else waiting(message);
      }
    }
  })();
  return (id) => {
    const there = early.get(id);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => known.set(id, resolve));
  };
}

function parsed(line: string): Message | undefined {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return undefined;
  }
}

function resultOf(answer: Message): Message {
  const { result, error } = answer;
  if (typeof result === 'object' && result !== null) return result as Message;
  throw new Error(`it answered with an error: ${JSON.stringify(error)}`);
}

function serverName(hello: Message): string {
  const info = hello['serverInfo'];
  if (typeof info !== 'object' || info === null) return 'a server without a name';
  const { name, version } = info as Message;
  return `${String(name)} ${String(version)}`;
}

function mark(env: Readonly<Record<string, string>>): string {
  return env['IPC_HOME']?.slice(-6) ?? '';
}

/** The daemon that the server started in the home that goes. */
async function stopDaemon({ words }: ServerCommand, env: Record<string, string>): Promise<void> {
  const at = words.indexOf('mcp');
  if (at < 1) return;
  try {
    const stop = Bun.spawn([...words.slice(0, at), 'daemon', 'stop'], {
      env,
      stdout: 'ignore',
      stderr: 'ignore',
    });
    await stop.exited;
  } catch {
    // What could not be started has started no daemon either.
  }
}
