/** What must hold on every platform. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processFacts } from '../../src/system/processes.ts';
import { eventually, finished, type Child, type User, want } from './user.ts';

export interface Check {
  readonly name: string;
  /** Part of the quick run too. */
  readonly smoke?: true;
  readonly on?: 'win32' | 'unix';
  /** Returns what is worth printing beside it. */
  run(user: User, options: { readonly racers: number }): Promise<string | undefined>;
}

const UMLAUTS = 'grüße → 你好 🙂';

export const everywhere: readonly Check[] = [
  {
    name: 'the binary runs and says for what it was built',
    smoke: true,
    run: async (user) => {
      const said = (await user.ok(['version'])).trim();
      want(said.includes(`${process.platform}-${process.arch}`), () => `found ${said}`);
      return said;
    },
  },
  {
    name: 'a message is sent and checked, its text whole through pipes',
    smoke: true,
    run: async (user) => {
      await user.ok(['send', '--as', 'alice', 'bob', '-'], { stdin: UMLAUTS });
      const { messages } = await user.json(['check', '--as', 'bob']);
      want(JSON.stringify(messages).includes(UMLAUTS), () => JSON.stringify(messages));
      return undefined;
    },
  },
  {
    name: 'who reads what started a daemon is not kept by it, and the daemon outlives its starter',
    smoke: true,
    run: async (user) => {
      const begun = performance.now();
      await user.ok(['send', '--as', 'alice', 'bob', 'cold']);
      const cold = performance.now() - begun;
      const { pid } = await user.status();
      want(isThere(pid), () => `daemon ${pid} is gone`);
      const again = performance.now();
      await user.ok(['send', '--as', 'alice', 'bob', 'warm']);
      return `cold ${ms(cold)}, warm ${ms(performance.now() - again)}`;
    },
  },
  {
    name: 'cold commands that race have one daemon and all succeed',
    smoke: true,
    run: async (user, { racers }) => {
      const begun = performance.now();
      const ran = await Promise.all(
        Array.from({ length: racers }, (_, at) =>
          user.run(['send', '--as', `racer-${at}`, 'bob', `from ${at}`]),
        ),
      );
      const failed = ran.filter(({ code }) => code !== 0);
      want(
        failed.length === 0,
        () => `${failed.length} of ${racers} failed, the first with ${failed[0]?.stderr}`,
      );
      const took = performance.now() - begun;
      const ready = (await user.log()).match(/ ready /g)?.length ?? 0;
      want(ready === 1, () => `${ready} daemons were ready`);
      const got = await received(user, 'bob');
      want(got === racers, () => `${got} of ${racers} messages arrived`);
      return `${racers} in ${ms(took)}`;
    },
  },
  {
    name: 'a watcher is told at once, after a restart and after a kill of the daemon too, each message once',
    smoke: true,
    run: async (user) => {
      const watcher = user.spawn([user.ipc, 'watch', '--as', 'dora', '--json']);
      const seen = follow(watcher);
      await eventually(async () => (await user.run(['who', 'dora'])).code === 0, 'dora to watch');
      await user.ok(['send', '--as', 'alice', 'dora', 'first']);
      await eventually(async () => seen().includes('first'), 'the first');
      await user.ok(['daemon', 'restart']);
      await user.ok(['send', '--as', 'alice', 'dora', 'second']);
      await eventually(async () => seen().includes('second'), 'the second');
      const { pid } = await user.status();
      process.kill(pid, 'SIGKILL');
      await user.ok(['send', '--as', 'alice', 'dora', 'third']);
      await eventually(async () => seen().includes('third'), 'the third');
      watcher.kill();
      const repeats = ['first', 'second', 'third'].filter((body) => seen().split(`"${body}"`).length !== 2);
      want(repeats.length === 0, () => `not once: ${repeats.join(', ')} in ${seen()}`);
      return undefined;
    },
  },
  {
    name: 'what was acknowledged is there after the daemon was killed',
    smoke: true,
    run: async (user) => {
      for (let at = 0; at < 3; at += 1) {
        await user.ok(['send', '--as', 'alice', 'carol', `kept ${at}`]);
        const { pid } = await user.status();
        process.kill(pid, 'SIGKILL');
      }
      const got = await received(user, 'carol');
      want(got === 3, () => `${got} of 3 are there`);
      return '3 kills';
    },
  },
  {
    name: 'daemon stop is answered, and the daemon is gone when it returns',
    smoke: true,
    run: async (user) => {
      await user.ok(['daemon', 'start']);
      const { pid } = await user.status();
      const said = await user.json(['daemon', 'stop']);
      want(said['pid'] === pid, () => JSON.stringify(said));
      want(!isThere(pid), () => `daemon ${pid} still runs`);
      return undefined;
    },
  },
  {
    name: 'a file of any bytes and a long text arrive whole, from a path with blanks',
    run: async (user) => {
      const bytes = crypto.getRandomValues(new Uint8Array(300_000));
      await writeFile(join(user.folder, 'any böytes.bin'), bytes.subarray(0, 65_000));
      await user.ok(['send', '--as', 'alice', 'bob', 'see', '--file', join(user.folder, 'any böytes.bin')]);
      const long = 'ä0123456789'.repeat(20_000);
      await user.ok(['send', '--as', 'alice', 'bob', '-'], { stdin: long });
      const { messages } = (await user.json(['check', '--as', 'bob'])) as { messages: Fetched[] };
      const [file, text] = [messages[0]?.attachments?.[0]?.path ?? '', messages[1]?.bodyBlob?.path ?? ''];
      want((await readFile(file)).equals(bytes.subarray(0, 65_000)), () => `another file: ${file}`);
      want((await readFile(text, 'utf8')) === long, () => `another text: ${text}`);
      return undefined;
    },
  },
  {
    name: 'a name that a shell registered is its name, and not its neighbour’s',
    run: async (user) => {
      const script = 'register zed\nwhoami\n';
      const said = await inOneShell(user, script.trim().split('\n'));
      want(/zed/.test(said.split('\n').slice(1).join('\n')), () => said);
      want(!(await inOneShell(user, ['whoami'])).includes('zed'), () => 'another shell is zed too');
      return undefined;
    },
  },
  {
    name: 'a second secret of the user is asked for as well',
    run: async (user) => {
      await user.ok(['secret', 'set', '-'], { stdin: 'opensesame' });
      await user.ok(['send', '--as', 'alice', 'bob', 'let in']);
      const refused = await user.run(['send', '--as', 'alice', 'bob', 'no'], {
        env: { IPC_SHARED_SECRET: 'wrong-one' },
      });
      want(
        refused.code === 77 && refused.stderr.includes('secret'),
        () => `${refused.code} ${refused.stderr}`,
      );
      want((await user.ok(['secret', 'show'])).trim() === 'opensesame', () => 'another secret is shown');
      return undefined;
    },
  },
  {
    name: 'an MCP client lists the tools and sends with one',
    run: async (user) => {
      const server = user.spawn([user.ipc, 'mcp', '--as', 'mcpfriend']);
      const seen = follow(server);
      const say = async (message: object): Promise<void> => {
        await server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
        await server.stdin.flush();
      };
      const clientInfo = { name: 'check', version: '1' };
      const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
      await say({ id: 1, method: 'initialize', params });
      await eventually(async () => /"id":1\b/.test(seen()), 'the answer to initialize');
      await say({ method: 'notifications/initialized' });
      await say({
        id: 2,
        method: 'tools/call',
        params: { name: 'send', arguments: { to: ['bob'], text: 'by a tool' } },
      });
      await eventually(async () => /"id":2\b/.test(seen()), 'the answer to the tool');
      await server.stdin.end();
      await server.exited;
      want((await received(user, 'bob')) === 1, () => seen());
      return undefined;
    },
  },
  {
    name: 'a message comes in over HTTP',
    run: async (user) => {
      const door = user.spawn([user.ipc, 'serve', '--port', '0', '--json']);
      const seen = follow(door);
      await eventually(async () => /127\.0\.0\.1:\d+|localhost:\d+/.test(seen()), 'the door');
      const port = /(?:127\.0\.0\.1|localhost):(\d+)/.exec(seen())?.[1] ?? '';
      const token = (await user.ok(['token', 'show'])).trim();
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: UMLAUTS });
      want(answer.ok, () => `HTTP ${answer.status}`);
      door.kill();
      await door.exited;
      return undefined;
    },
  },
];

interface Fetched {
  readonly bodyBlob?: { readonly path?: string };
  readonly attachments?: readonly { readonly path?: string }[];
}

/** All the output there is so far, stderr's too. */
export function follow(child: Child): () => string {
  let text = '';
  const take = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const utf8 = new TextDecoder();
    for await (const chunk of stream) text += utf8.decode(chunk, { stream: true });
  };
  void take(child.stdout);
  void take(child.stderr);
  return () => text;
}

export async function received(user: User, name: string): Promise<number> {
  let count = 0;
  for (;;) {
    const { messages } = (await user.json(['check', '--as', name])) as { messages: unknown[] };
    if (messages.length === 0) return count;
    count += messages.length;
  }
}

function isThere(pid: number): boolean {
  return processFacts(pid) !== undefined;
}

async function inOneShell(user: User, commands: readonly string[]): Promise<string> {
  if (process.platform !== 'win32') {
    // A shell that has nothing left to do becomes its last command.
    const script = [...commands.map((command) => `"$0" ${command}`), ':'].join('; ');
    return (await finished(user.spawn(['/bin/sh', '-c', script, user.ipc], { detached: true }))).stdout;
  }
  const batch = join(user.folder, 'some commands.bat');
  await writeFile(
    batch,
    ['@echo off', ...commands.map((command) => `"${user.ipc}" ${command}`), ''].join('\r\n'),
  );
  return (await finished(user.spawn(['cmd.exe', '/d', '/c', batch]))).stdout;
}

export const ms = (milliseconds: number): string => `${Math.round(milliseconds)} ms`;
