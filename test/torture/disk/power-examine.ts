/** What a power failure left is started and looked at through the doors of the product. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BINARY } from '../../e2e/machine.ts';
import type { Chance } from '../chance.ts';
import type { Disk } from './power-cut.ts';
import { READER, SENDERS, type SentMessage } from './power-load.ts';

export interface Cut {
  readonly sent: ReadonlyMap<string, SentMessage>;
  readonly acknowledged: readonly string[];
  /** What else was promised: see `load`. */
  readonly notes: readonly string[];
  /** Records that had taken effect. */
  readonly moment: number;
}

interface Shown {
  readonly id: string;
  readonly body: string;
  readonly again?: boolean;
}

type Fail = (what: string) => never;

/** Throws, and leaves the image where it is, when a promise was broken. */
export async function examineCut(model: Disk, luck: Chance, cut: Cut): Promise<{ again: number }> {
  const home = await mkdtemp(join(tmpdir(), 'ipc-cut-'));
  const fail: Fail = (what) => {
    throw new Error(`power failed after ${cut.moment} records (what it left is kept in ${home}): ${what}`);
  };
  await model.cut(home, luck);
  const run = (...args: string[]): Promise<string> => runIn(home, args, fail);
  try {
    const stored = (await run('export', '--as', READER, '--json')).split('\n').flatMap(message);
    checkStored(stored, cut, { home, fail });
    await checkNotes(cut.notes, run, fail);
    for (const name of SENDERS) await run('check', '--as', name);
    const page = await run('check', '--as', READER, '--all', '--limit', '1000', '--json');
    const unread = (JSON.parse(page) as { messages: Shown[] }).messages;
    checkUnread(unread, cut, fail);
    checkHealth(await run('doctor', '--json'), fail);
    await run('daemon', 'stop');
    await rm(home, { recursive: true, force: true });
    return { again: unread.filter(({ again }) => again === true).length };
  } catch (error) {
    await run('daemon', 'stop').catch(() => undefined);
    throw error;
  }
}

async function runIn(home: string, args: readonly string[], fail: Fail): Promise<string> {
  const child = Bun.spawn([BINARY, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, USER: 'tester', IPC_HOME: home },
    cwd: home,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return code === 0 ? stdout : fail(`ipc ${args.join(' ')} exited ${code}: ${stdout}${stderr}`);
}

function message(line: string): Shown[] {
  if (line === '') return [];
  const value = JSON.parse(line) as Partial<Shown>;
  return value.id === undefined || value.body === undefined ? [] : [{ id: value.id, body: value.body }];
}

function checkStored(
  stored: readonly Shown[],
  { acknowledged, sent }: Cut,
  { home, fail }: { home: string; fail: Fail },
): void {
  const there = new Map(stored.map((each) => [each.id, each]));
  if (there.size !== stored.length) fail('a message is there twice');
  for (const id of acknowledged) {
    const found = there.get(id) ?? fail(`acknowledged ${id} is not there`);
    const expected = sent.get(id);
    if (expected === undefined) continue;
    if (found.body !== expected.body) fail(`${id} has another body`);
    const { sha256 } = expected;
    if (sha256 !== undefined && hashOf(join(home, 'blobs', sha256.slice(0, 2), sha256)) !== sha256)
      fail(`the file of ${id} is not what was sent`);
  }
}

function hashOf(path: string): string {
  return new Bun.CryptoHasher('sha256').update(readFileSync(path)).digest('hex');
}

async function checkNotes(
  notes: readonly string[],
  run: (...args: string[]) => Promise<string>,
  fail: Fail,
): Promise<void> {
  for (const note of notes) {
    const [what = '', value = ''] = note.split(' ');
    // Its key is there, and is the one that the store knows.
    if (what === 'name') await run('check', '--as', value);
    if (what !== 'retentionDays') continue;
    const is = Number((await run('config', 'get', what)).trim());
    // A later change may have been on its way.
    if (!(is >= Number(value))) fail(`${what} is ${is} and was set to ${value}`);
  }
}

/** What was confirmed comes no more, and the rest in the order in which each sender sent it. */
function checkUnread(unread: readonly Shown[], { sent, notes }: Cut, fail: Fail): void {
  const handed = new Set(notes.filter((note) => note.startsWith('handed ')).map((note) => note.slice(7)));
  const last = new Map<string, number>();
  for (const { id, again } of unread) {
    if (handed.has(id)) fail(`${id} was handed over before and comes again`);
    const known = sent.get(id);
    // One that was leased when the power failed comes when its lease ends: only the disk is cut here, the machine's
    // clock goes on, where a start of the machine would have ended every lease.
    if (known === undefined || again === true) continue;
    if (known.order < (last.get(known.from) ?? -1)) fail(`${id} of ${known.from} is out of its order`);
    last.set(known.from, known.order);
  }
}

function checkHealth(text: string, fail: Fail): void {
  const { findings } = JSON.parse(text) as { findings: { what: string; state: string; found: string }[] };
  for (const what of ['keys', 'configuration', 'store']) {
    const { state, found } = findings.find((finding) => finding.what === what) ?? { state: '', found: '' };
    if (state !== 'ok') fail(`doctor says of ${what}: ${found}`);
  }
}
