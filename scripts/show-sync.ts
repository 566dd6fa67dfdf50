/**
 * Shows with strace, and insists, that the daemon syncs a message to disk before it answers the sender:
 * request in, sync of the store's log, answer out, in that order. Skips, and says so, without strace.
 *
 *   scripts/show-sync [--binary dist/ipc]
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isRecord, openSession } from './bench/session.ts';

const { values } = parseArgs({
  options: { binary: { type: 'string', default: resolve(import.meta.dir, '../dist/ipc') } },
});

if (!mayTrace()) {
  process.stdout.write('skipped: strace is not installed, or may not be used here\n');
} else {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-sync-'));
  try {
    await show(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function mayTrace(): boolean {
  if (Bun.which('strace') === null) return false;
  return Bun.spawnSync(['strace', '-f', '-o', '/dev/null', 'true']).exitCode === 0;
}

async function show(folder: string): Promise<void> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, IPC_HOME: join(folder, 'h') };
  const log = join(folder, 'trace');
  const calls = 'trace=fdatasync,fsync,sendto,sendmsg,write,writev,recvfrom,recvmsg,read,readv';
  const strace = ['strace', '-f', '-yy', '-s', '4096', '-e', calls, '-o', log];
  const daemon = Bun.spawn([...strace, values.binary, 'daemon', 'run'], {
    env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const id = Bun.randomUUIDv7();
  try {
    const ready = await firstLine(daemon.stdout);
    if (!ready.includes('"ready":true')) throw new Error(`wanted a daemon that is ready, found ${ready}`);

    const session = await openSession({ socket: await socketOf(env), name: 'sender' });
    await session.call('send', { id, to: ['reader'], body: 'is it on the disk?' });
    await session.call('daemon.stop', { reason: 'shown' });
    session.close();
    await daemon.exited;
  } finally {
    daemon.kill();
  }
  if (!existsSync(log)) throw new Error('strace wrote nothing');
  judge((await Bun.file(log).text()).split('\n'), id);
}

function judge(lines: readonly string[], id: string): void {
  const asked = lines.findIndex((line) => /\b(?:recv\w*|readv?)\(/.test(line) && line.includes(id));
  const answered = lines.findIndex(
    (line, index) =>
      index > asked && /\b(?:send\w+|writev?)\(\d+<(?:UNIX|socket)/.test(line) && line.includes(id),
  );
  const synced = lines.findIndex(
    (line, index) =>
      index > asked && index < answered && /\bf(?:data)?sync\(\d+<[^>]*\.db-wal>\) += 0/.test(line),
  );
  for (const index of [asked, synced, answered]) {
    process.stdout.write(`${index === -1 ? '(not found)' : shorten(lines[index] ?? '', id)}\n`);
  }
  if (asked === -1 || answered === -1)
    throw new Error('the trace shows no request and answer of the message');
  if (synced === -1) throw new Error('the answer left before the message was synced to disk');
  process.stdout.write('request, sync of the write-ahead log, answer: in this order\n');
}

/** A line of the trace without the body of the frame, which is long and not the point. */
function shorten(line: string, id: string): string {
  if (!line.includes(id)) return line;
  return `${line.slice(0, line.indexOf('"') + 1)}…${id}…"${/\).*$/.exec(line.slice(line.lastIndexOf(')')))?.[0] ?? ''}`;
}

async function socketOf(env: Record<string, string>): Promise<string> {
  const run = Bun.spawn([values.binary, 'daemon', 'status', '--json'], { env, stdout: 'pipe' });
  const status: unknown = JSON.parse(await run.stdout.text());
  if (isRecord(status) && typeof status['socket'] === 'string') return status['socket'];
  throw new Error(`wanted the socket of the daemon, found ${JSON.stringify(status)}`);
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const text = new TextDecoder();
  let arrived = '';
  for await (const chunk of stream) {
    arrived += text.decode(chunk, { stream: true });
    if (arrived.includes('\n')) return arrived;
  }
  throw new Error(`wanted a line, found the end after ${JSON.stringify(arrived)}`);
}
