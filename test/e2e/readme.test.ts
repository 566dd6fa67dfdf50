/**
 * The README, run: every command of its transcripts in the order they stand, in one fresh home, as the
 * person whose prompt it is; and what it says they print is what they print (`…` stands for anything).
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { copyFile, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { withReference } from '../../scripts/reference.ts';
import { missing } from './kernel-machine.ts';
import { BINARY, eventually, openMachine, type Machine } from './machine.ts';

const ROOT = resolve(import.meta.dir, '../..');
const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
const transcripts = [...readme.matchAll(/```console\n([\s\S]*?)```/g)].map(([, text = '']) => text);

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine();
  await copyFile(join(ROOT, 'LICENSE'), join(machine.directory, 'LICENSE'));
});
const servers: Bun.Subprocess[] = [];
afterAll(async () => {
  for (const server of servers) server.kill();
  await machine[Symbol.asyncDispose]();
});

/** The README's port may be somebody's here. */
const PORT = '8788';
const port = freePort();

function freePort(): string {
  const probe = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() });
  const found = String(probe.port);
  void probe.stop(true);
  return found;
}

interface Line {
  readonly who: string;
  readonly command: string;
}

const ofKernels = (transcript: string): boolean => transcript.includes('$ ipc kernel ');

function commandsOf(transcript: string): Line[] {
  return [...transcript.matchAll(/^(\w*)\$ (.*)$/gm)].map(([, who = '', command = '']) => ({ who, command }));
}

function start({ who, command }: Line): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
  const bin = join(BINARY, '..');
  return Bun.spawn(['bash', '-c', command.replaceAll(PORT, port)], {
    cwd: machine.directory,
    env: {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      HOME: join(machine.home, '../user'),
      IPC_HOME: machine.home,
      USER: who === '' ? 'ann' : who,
      PORT: port,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    detached: true,
  });
}

async function finish(line: Line, child: ReturnType<typeof start>): Promise<string> {
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  if (code !== 0) throw new Error(`${line.command} exited ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** `…` alone is any lines, inside a line any text. */
function patternOf(transcript: string): RegExp {
  const escaped = (text: string): string =>
    text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '.*');
  const printed = transcript.split('\n').filter((line) => line !== '' && !/^\w*\$ /.test(line));
  return new RegExp(
    printed.map((line) => (line === '…' ? '[\\s\\S]*?' : `^${escaped(line)}$[\\s\\S]*?`)).join(''),
    'm',
  );
}

test('the README has transcripts', () => {
  expect(transcripts.length).toBeGreaterThan(2);
});

async function isServing(): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${port}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Runs one transcript; returns what it printed. */
async function play(text: string): Promise<string> {
  let printed = '';
  const asked: Promise<string>[] = [];
  for (const line of commandsOf(text)) {
    const child = start(line);
    // A server stays while the rest is played.
    if (/^ipc serve\b/.test(line.command)) {
      servers.push(child);
      await eventually(async () => (await isServing()) || undefined);
      continue;
    }
    // A question waits for an answer that a later line gives.
    if (line.command.startsWith('ipc ask')) asked.push(finish(line, child));
    else printed += await finish(line, child);
  }
  return (printed + (await Promise.all(asked)).join('')).replaceAll(port, PORT);
}

test('the transcripts of the README are true, one after the other', async () => {
  for (const text of transcripts.filter((each) => !ofKernels(each)))
    expect(await play(text)).toMatch(patternOf(text));
});

test.skipIf(missing !== undefined)('so is the one of kernels', async () => {
  for (const text of transcripts.filter(ofKernels)) expect(await play(text)).toMatch(patternOf(text));
});

test('the reference of operations is what the table says (bun scripts/reference.ts writes it)', () => {
  expect(withReference(readme)).toBe(readme);
  expect(readme).toContain('| `send` |');
});

test('every verb the README names in passing exists', async () => {
  const verbs = [...readme.matchAll(/`ipc ([a-z]+)(?: ([a-z]+))?[^`]*`/g)].map(([, verb = '']) => verb);
  for (const verb of new Set(verbs)) {
    const { code, stderr } = await machine.run(['help', verb]);
    expect([verb, code, stderr]).toEqual([verb, 0, '']);
  }
});
