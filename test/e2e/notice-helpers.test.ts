/** Notices on the compiled binary: the helper program is the test's own and writes down what it is told. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, lines, openMachine, type Child, type Machine } from './machine.ts';

const linuxTest = test.skipIf(process.platform !== 'linux');

let machine: Machine;
let programs: string;

beforeEach(async () => {
  machine = await openMachine();
  programs = join(machine.userHome, 'bin');
  await mkdir(programs, { recursive: true });
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

/** A program of that name that writes its last arguments down, one line a call, and then does more. */
async function helper(name: string, more = ''): Promise<void> {
  const path = join(programs, name);
  const note = `for word in "$@"; do last=$before; before=$word; done; echo "$last | $word" >> ${path}.told`;
  await Bun.write(path, `#!/bin/sh\n${note}\n${more}\n`);
  await chmod(path, 0o755);
}

const told = async (name: string): Promise<readonly string[]> =>
  (await readFile(join(programs, `${name}.told`), 'utf8').catch(() => '')).split('\n').slice(0, -1);

/** A session at a desktop that nothing wakes. */
async function desk(name = 'desk'): Promise<{ child: Child; said: () => string }> {
  // The helper comes first; nothing of this machine's own desktop is found.
  const child = machine.start(['mcp', '--as', name], { env: { PATH: programs, DISPLAY: ':9' } });
  let said = '';
  void (async () => {
    for await (const line of lines(child.stderr)) said += `${line}\n`;
  })();
  await eventually(async () => ((await machine.ok(['who'])).includes(`${name} `) ? true : undefined));
  return { child, said: () => said };
}

const send = async (text: string, to = 'desk'): Promise<string> =>
  (await machine.json<{ id: string }>(['send', to, text])).id;
const receipt = async (id: string): Promise<string> => machine.ok(['receipts', id]);
const shows = (name: string, count: number): Promise<readonly string[]> =>
  eventually(async () => {
    const all = await told(name);
    return all.length >= count ? all : undefined;
  }, 20_000);
const offered = (id: string): Promise<true> =>
  eventually(async () => ((await receipt(id)).includes('offered') ? true : undefined), 20_000);

linuxTest('a helper that is not installed is said once and changes nothing else', async () => {
  const { child, said } = await desk();
  const first = await send('one');
  await eventually(async () => (said().includes('notify-send') ? true : undefined));
  await send('two');
  // The next turn of the notifier is over when it would have shown this with the helper there.
  await helper('notify-send');
  await send('three');
  await shows('notify-send', 1);
  expect(said().split('notices need notify-send, which is not installed')).toHaveLength(2);
  expect(await receipt(first)).toContain('queued');
  expect(child.exitCode).toBeNull();
  expect(await machine.ok(['check', '--as', 'desk', '--take'])).toContain('one');
});

linuxTest('a helper that hangs is ended, nothing is claimed of it, and the session goes on', async () => {
  await helper('notify-send', 'exec /bin/sleep 60');
  const { child, said } = await desk();
  const id = await send('into the void');
  await shows('notify-send', 1);
  expect(await receipt(id)).toContain('queued');
  await eventually(async () => (said().includes('notify-send said nothing for') ? true : undefined), 20_000);
  expect(await receipt(id)).toContain('queued');
  await helper('notify-send');
  await offered(await send('afterwards'));
  expect(child.exitCode).toBeNull();
});

linuxTest('a burst is one notice', async () => {
  await helper('notify-send');
  await desk();
  const ids = await Promise.all(['a', 'b', 'c', 'd'].map((text) => send(text)));
  for (const id of ids) await offered(id);
  const [only = '', ...rest] = await told('notify-send');
  expect(rest).toEqual([]);
  expect(only).toStartWith('4 messages for desk from ');
});

linuxTest('notify.enabled and notify.sound count for a session that runs', async () => {
  await helper('notify-send');
  await helper('paplay');
  await desk();
  await offered(await send('with the usual sound'));
  expect(await shows('paplay', 1)).toEqual([expect.stringContaining('/usr/share/sounds/')]);
  await machine.ok(['config', 'set', 'notify.sound', '/tmp/ping.oga']);
  await offered(await send('with another sound'));
  expect((await shows('paplay', 2))[1]).toEndWith('/tmp/ping.oga');
  await machine.ok(['config', 'set', 'notify.enabled', 'off']);
  const quiet = await send('not a word');
  // Nothing shows that nothing was shown: as long as a notice may take, somebody waits for a message.
  await machine.run(['check', '--as', 'nobody', '--wait', '4']);
  await machine.ok(['config', 'set', 'notify.sound', 'off']);
  await machine.ok(['config', 'set', 'notify.enabled', 'on']);
  await offered(await send('without a sound'));
  expect((await told('notify-send')).map((line) => line.split(' | ')[1])).toEqual([
    'with the usual sound',
    'with another sound',
    'without a sound',
  ]);
  expect(await told('paplay')).toHaveLength(2);
  expect(await receipt(quiet)).toContain('queued');
});

linuxTest('a daemon that is restarted, or killed, does not make it tell again (R11)', async () => {
  await helper('notify-send');
  await desk();
  await offered(await send('told once'));
  await machine.ok(['daemon', 'restart']);
  await offered(await send('after a restart'));
  process.kill(await machine.daemonPid(), 'SIGKILL');
  await offered(await send('after a crash'));
  expect((await told('notify-send')).map((line) => line.split(' | ')[1])).toEqual([
    'told once',
    'after a restart',
    'after a crash',
  ]);
});

linuxTest('what was shown and could not be noted is noted later, and not shown again (R3)', async () => {
  // The daemon dies while the notice is on the screen.
  const pid = join(machine.userHome, 'daemon.pid');
  await helper('notify-send', `[ ! -s ${pid} ] || { read -r daemon <${pid}; : >${pid}; kill -9 $daemon; }`);
  await desk();
  const before = await machine.daemonPid();
  await Bun.write(pid, `${before}\n`);
  const id = await send('shown before the crash');
  await shows('notify-send', 1);
  await offered(id);
  expect(await machine.daemonPid()).not.toBe(before);
  await offered(await send('shown after it'));
  expect((await told('notify-send')).map((line) => line.split(' | ')[1])).toEqual([
    'shown before the crash',
    'shown after it',
  ]);
});
