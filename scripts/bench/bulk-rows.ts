/** Much at once: a mailbox with 12,000 messages waiting, and a file of 100 MB. */
import { randomFillSync } from 'node:crypto';
import { copyFile, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { body, drive } from './load.ts';
import { type Row, milliseconds } from './report.ts';
import { isRecord, listOf, openSession } from './session.ts';
import { type Bench, type Site, withSite } from './site.ts';
import { median, timed } from './statistics.ts';

const WAITING = 12_000;
const FILE_BYTES = 100_000_000;

/** One `check --all` prints and confirms them all; its output goes to a file, as a script would have it. */
export async function backlogRow(bench: Bench): Promise<Row[]> {
  return await withSite(bench, async (site) => {
    site.ipc('whoami', '--as', 'reader');
    const samples: number[] = [];
    for (let round = 0; round < (bench.quick ? 1 : 5); round += 1) {
      const bodies = await fill(site);
      const file = join(site.folder, 'printed');
      samples.push(
        await timed(async () => {
          const check = Bun.spawn([bench.binary, 'check', '--all', '--as', 'reader'], {
            env: site.env,
            stdin: 'ignore',
            stdout: Bun.file(file),
            stderr: 'inherit',
          });
          if ((await check.exited) !== 0) throw new Error(`check --all ended with ${check.exitCode}`);
        }),
      );
      const printed = await Bun.file(file).text();
      const missing = bodies.filter((each) => !printed.includes(each));
      if (missing.length > 0) throw new Error(`${missing.length} of ${WAITING} bodies were not printed`);
      const left = site.ipc('check', '--as', 'reader', '--json').stdout;
      if (!left.includes('"messages":[]')) throw new Error(`not all were confirmed: ${left.slice(0, 300)}`);
    }
    const found = median(samples) / 1000;
    return [
      {
        measure: `${WAITING} waiting, all bodies printed and confirmed`,
        found: `${found.toFixed(3)} s`,
        against: '',
        figure: found,
        aim: '< 0.3 s',
        met: found < 0.3,
        numbers: { seconds: found, slowestSeconds: Math.max(...samples) / 1000, rounds: samples.length },
      },
    ];
  });
}

async function fill(site: Site): Promise<readonly string[]> {
  const bodies: string[] = [];
  const senders = await Promise.all(
    Array.from({ length: 32 }, async () => {
      const session = await openSession({
        socket: site.socket,
        name: `filler-${Bun.randomUUIDv7()}`,
      });
      return {
        send: async (text: string) => {
          bodies.push(text.trimEnd());
          await session.call('send', { id: Bun.randomUUIDv7(), to: ['reader'], body: text });
        },
        close: session.close,
      };
    }),
  );
  await drive(senders, { count: WAITING }, 100);
  for (const sender of senders) sender.close();
  return bodies;
}

/** `send --file` until exit 0, beside copying and syncing the same file; the bytes are compared. */
export async function fileRow(bench: Bench): Promise<Row[]> {
  return await withSite(bench, async (site) => {
    const source = join(site.folder, 'model.bin');
    const bytes = randomFillSync(new Uint8Array(FILE_BYTES));
    const sends: number[] = [];
    const copies: number[] = [];
    for (let round = 0; round < (bench.quick ? 2 : 5); round += 1) {
      // Other bytes each round: a content-addressed store would know the old ones already.
      bytes[0] = round;
      await Bun.write(source, bytes);
      const wanted = new Bun.CryptoHasher('sha256').update(bytes).digest('hex');
      copies.push(await timed(async () => copyAndSync(source, join(site.folder, 'copy.bin'))));
      const to = `reader-${round}`;
      sends.push(site.ipc('send', '--as', 'sender', to, '--file', source, body(30)).milliseconds);
      const path = attachedPath(site.ipc('check', '--as', to, '--json').stdout);
      const hash = new Bun.CryptoHasher('sha256').update(await Bun.file(path).bytes()).digest('hex');
      if (hash !== wanted) throw new Error(`the file arrived changed: wanted ${wanted}, found ${hash}`);
    }
    const found = median(sends);
    const ratio = found / median(copies);
    return [
      {
        measure: 'send a file of 100 MB, whole process',
        found: `${milliseconds(found)} (${Math.round(FILE_BYTES / 1000 / found)} MB/s)`,
        against: `copy and sync ${milliseconds(median(copies))}`,
        figure: ratio,
        aim: '',
        met: null,
        numbers: { ms: found, copyMs: median(copies), rounds: sends.length },
      },
    ];
  });
}

async function copyAndSync(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await copyFile(from, to);
  const file = await open(to, 'r+');
  await file.datasync();
  await file.close();
}

function attachedPath(printed: string): string {
  const checked: unknown = JSON.parse(printed);
  const [message] = isRecord(checked) ? listOf(checked['messages']) : [];
  const [file] = isRecord(message) ? listOf(message['attachments']) : [];
  if (isRecord(file) && typeof file['path'] === 'string') return file['path'];
  throw new Error(`wanted a message with a file, found ${printed.slice(0, 500)}`);
}
