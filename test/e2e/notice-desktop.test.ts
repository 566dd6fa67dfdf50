/** A real notification daemon (dunst, on a display and a D-Bus of its own) and the compiled binary. */
import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, lines, openMachine, type Machine } from './machine.ts';

const needed = ['dunst', 'Xvfb', 'dbus-daemon', 'notify-send'];
const missing = needed.filter((program) => Bun.which(program) === null);
const title = (words: string): string =>
  missing.length === 0 ? words : `${words} [skipped: ${missing.join(', ')} not installed]`;
const realTest = test.skipIf(missing.length > 0);

interface Desktop extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  /** Everything dunst has printed of what it was told to show. */
  readonly printed: () => string;
}

async function openDesktop({ environment }: Machine): Promise<Desktop> {
  const children: Bun.Subprocess[] = [];
  const start = (argv: readonly string[], env: Readonly<Record<string, string>>) => {
    const child = Bun.spawn([...argv], { env, stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' });
    children.push(child);
    return child;
  };
  const firstLine = async (stream: ReadableStream<Uint8Array>): Promise<string> => {
    for await (const line of lines(stream)) return line;
    throw new Error('ended without a line');
  };
  const display = await firstLine(
    start(['Xvfb', '-displayfd', '1', '-screen', '0', '640x480x24', '-nolisten', 'tcp'], environment).stdout,
  );
  const bus = await firstLine(
    start(['dbus-daemon', '--session', '--nofork', '--print-address=1'], environment).stdout,
  );
  const env = { ...environment, DISPLAY: `:${display}`, DBUS_SESSION_BUS_ADDRESS: bus };
  const dunst = start(['dunst', '-print', '-conf', '/dev/null'], env);
  let printed = '';
  void (async () => {
    const text = new TextDecoder();
    for await (const chunk of dunst.stdout) printed += text.decode(chunk, { stream: true });
  })();
  const probe = async () => {
    const told = Bun.spawn(['notify-send', '--', 'ready', 'ready'], {
      env,
      stdout: 'ignore',
      stderr: 'ignore',
    });
    await told.exited;
    return printed.includes("summary: 'ready'") ? true : undefined;
  };
  await eventually(probe);
  return {
    env,
    printed: () => printed,
    [Symbol.asyncDispose]: async () => {
      for (const child of children.toReversed()) child.kill('SIGKILL');
      await Promise.all(children.map((child) => child.exited));
    },
  };
}

const hostile = '$(touch x) "; rm -rf y; `touch z` -u critical <b>bold</b> & more';

realTest(
  title(
    'a notification daemon shows hostile text as text, the receipt says offered(notice), another takes over',
  ),
  async () => {
    await using machine = await openMachine();
    await using desktop = await openDesktop(machine);
    const shows = (text: string): Promise<boolean> =>
      eventually(async () => (desktop.printed().includes(text) ? true : undefined), 20_000);
    const receipt = async (id: string): Promise<string> => machine.ok(['receipts', id, '--json']);

    const first = machine.start(['mcp', '--as', 'desk-one'], { env: desktop.env });
    await eventually(async () => ((await machine.ok(['who'])).includes('desk-one') ? true : undefined));
    const second = machine.start(['mcp', '--as', 'desk-two'], { env: desktop.env });
    await eventually(async () => ((await machine.ok(['who'])).includes('desk-two') ? true : undefined));

    const { id } = await machine.json<{ id: string }>(['send', 'desk-two', hostile]);
    expect(await receipt(id)).not.toContain('offered');
    await shows("summary: 'New message for desk-two from ");
    await shows('&lt;b&gt;bold&lt;/b&gt; &amp; more');
    expect(desktop.printed()).toContain('$(touch x) "; rm -rf y; `touch z` -u critical');
    expect(desktop.printed()).not.toContain('urgency: CRITICAL');
    for (const name of ['x', 'z']) expect(existsSync(join(machine.directory, name))).toBe(false);
    await eventually(async () => ((await receipt(id)).includes('offered') ? true : undefined));
    expect(await receipt(id)).toContain('"notice"');

    first.kill('SIGKILL');
    await first.exited;
    const next = await machine.json<{ id: string }>(['send', 'desk-two', 'after the first was killed']);
    await shows('after the first was killed');
    await eventually(async () => ((await receipt(next.id)).includes('offered') ? true : undefined));
    // One notice each: neither was repeated by the one that took over.
    expect(desktop.printed().split("summary: 'New message for desk-two from ")).toHaveLength(3);
    expect(second.exitCode).toBeNull();
  },
  60_000,
);
