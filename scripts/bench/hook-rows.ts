/** Webhooks: POST until 202, which says that the message is on the disk, against the daemon's own send. */
import { createHmac, randomUUID } from 'node:crypto';
import { referenceLoad } from './floors.ts';
import { withDoor } from './http-door.ts';
import { byContentLength, openLine } from './line.ts';
import { type Load, daemonSenders, drive, type Sender, settle } from './load.ts';
import { milliseconds, type Row } from './report.ts';
import { type Bench, type Site, withSite } from './site.ts';
import { median } from './statistics.ts';

const CLIENTS = 64;

/** As GitHub signs, with another delivery id each time. */
async function hookSender(port: number, secret: string): Promise<Sender> {
  const line = await openLine(port, byContentLength);
  return {
    send: async (text) => {
      const payload = JSON.stringify({ action: 'opened', issue: { number: 1, title: 'load' }, filler: text });
      const signature = createHmac('sha256', secret).update(payload).digest('hex');
      const head = [
        'POST /hooks/load HTTP/1.1',
        `host: 127.0.0.1:${port}`,
        'content-type: application/json',
        'x-github-event: issues',
        `x-github-delivery: ${randomUUID()}`,
        `x-hub-signature-256: sha256=${signature}`,
        `content-length: ${payload.length}`,
      ].join('\r\n');
      const answer = await line.ask(`${head}\r\n\r\n${payload}`);
      if (!answer.startsWith('HTTP/1.1 202')) throw new Error(`ipc serve says ${answer}`);
    },
    close: line.close,
  };
}

/** One webhook to a mailbox with an owner: one that nobody took is full after ten thousand. */
async function hookOf(site: Site): Promise<string> {
  await settle(site.socket, ['sink']);
  const added = site.ipc('webhook', 'add', 'load', '--to', 'sink', '--verify', 'github', '--json').stdout;
  return (JSON.parse(added) as { secret: string }).secret;
}

interface Pair {
  readonly hooks: Load;
  readonly sends: Load;
}

async function measured(senders: readonly Sender[], seconds: number): Promise<Load> {
  await drive(senders, { count: 200 * Math.min(senders.length, 20) });
  const load = await drive(senders, { seconds });
  for (const sender of senders) sender.close();
  return load;
}

/** Both in turn, over one daemon: a machine that changes meanwhile is seen in both. */
async function oneClient(bench: Bench): Promise<readonly Pair[]> {
  return await withSite(bench, async (site) => {
    const secret = await hookOf(site);
    return await withDoor(site, bench, async ({ port }) => {
      const pairs: Pair[] = [];
      for (let round = 0; round < (bench.quick ? 3 : 7); round += 1) {
        const sends = await measured(await daemonSenders(site.socket, 1, `round-${round}`), 0.5);
        pairs.push({ sends, hooks: await measured([await hookSender(port, secret)], 0.5) });
      }
      return pairs;
    });
  });
}

async function manyClients(bench: Bench, seconds: number): Promise<Load> {
  return await withSite(bench, async (site) => {
    const secret = await hookOf(site);
    return await withDoor(site, bench, async ({ port }) => {
      const numbers = Array.from({ length: CLIENTS }, (_, index) => index);
      return await measured(await Promise.all(numbers.map(async () => hookSender(port, secret))), seconds);
    });
  });
}

export async function hookRows(bench: Bench): Promise<Row[]> {
  const seconds = bench.quick ? 1 : 3;
  const single = await oneClient(bench);
  const many: { readonly ours: Load; readonly theirs: Load }[] = [];
  for (let round = 0; round < (bench.quick ? 1 : 3); round += 1) {
    const theirs = await referenceLoad(bench, { clients: CLIENTS, seconds });
    many.push({ theirs, ours: await manyClients(bench, seconds) });
  }
  const [hook, send] = [
    median(single.map(({ hooks }) => hooks.p50)),
    median(single.map(({ sends }) => sends.p50)),
  ];
  const ours = median(many.map((each) => each.ours.perSecond));
  const theirs = median(many.map((each) => each.theirs.perSecond));
  const p99 = median(many.map((each) => each.ours.p99));
  return [
    {
      measure: 'webhook of 1 KiB: signed POST → 202 durable, 1 client, p50',
      found: milliseconds(hook),
      against: `durable send ${milliseconds(send)}`,
      figure: hook / send,
      aim: '≤ 2.5 ×',
      met: hook / send <= 2.5,
      numbers: { p50Ms: hook, sendP50Ms: send },
    },
    {
      measure: `webhooks of 1 KiB, ${CLIENTS} connections, one outstanding each`,
      found: `${Math.round(ours)}/s (p99 ${milliseconds(p99)})`,
      against: `reference broker ${Math.round(theirs)}/s`,
      figure: ours / theirs,
      aim: '≥ 3 ×',
      met: ours / theirs >= 3,
      numbers: { perSecond: ours, referencePerSecond: theirs, p99Ms: p99 },
    },
  ];
}
