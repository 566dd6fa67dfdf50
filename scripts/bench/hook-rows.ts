/** Webhooks: POST until 202, which says that the message is on the disk, against the daemon's own send. */
import { createHmac, randomUUID } from 'node:crypto';
import { referenceLoad } from './floors.ts';
import { byContentLength, openLine } from './line.ts';
import { type Load, daemonSenders, drive, type Sender, settle } from './load.ts';
import { milliseconds, type Row } from './report.ts';
import { isRecord } from './session.ts';
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

interface Served {
  readonly port: number;
  readonly secret: string;
}

/** `ipc serve` of the binary over the daemon of the site, with one webhook. */
async function withServe<T>(bench: Bench, site: Site, work: (served: Served) => Promise<T>): Promise<T> {
  // A mailbox with an owner: one that nobody took is full after ten thousand.
  await settle(site.socket, ['sink']);
  const added = site.ipc('webhook', 'add', 'load', '--to', 'sink', '--verify', 'github', '--json').stdout;
  const { secret } = JSON.parse(added) as { secret: string };
  const command = [bench.binary, 'serve', '--port', '0', '--json', '--quiet'];
  const server = Bun.spawn(command, {
    env: { ...site.env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  });
  try {
    const { value } = await server.stdout.getReader().read();
    const facts: unknown = JSON.parse(new TextDecoder().decode(value));
    if (!isRecord(facts) || typeof facts['port'] !== 'number')
      throw new Error('wanted the port of ipc serve');
    return await work({ port: facts['port'], secret });
  } finally {
    server.kill();
    await server.exited;
  }
}

interface Pair {
  readonly hooks: Load;
  readonly sends: Load;
}

async function pair(bench: Bench, options: { clients: number; seconds: number }): Promise<Pair> {
  return await withSite(bench, async (site) =>
    withServe(bench, site, async ({ port, secret }) => {
      const measure = async (senders: readonly Sender[]): Promise<Load> => {
        await drive(senders, { count: 200 * Math.min(options.clients, 20) });
        const load = await drive(senders, { seconds: options.seconds });
        for (const sender of senders) sender.close();
        return load;
      };
      const sends = await measure(await daemonSenders(site.socket, options.clients));
      const numbers = Array.from({ length: options.clients }, (_, index) => index);
      const hooks = await measure(await Promise.all(numbers.map(async () => hookSender(port, secret))));
      return { hooks, sends };
    }),
  );
}

export async function hookRows(bench: Bench): Promise<Row[]> {
  const rounds = bench.quick ? 1 : 3;
  const seconds = bench.quick ? 1 : 3;
  const single: Pair[] = [];
  const many: { readonly ours: Load; readonly theirs: Load }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    single.push(await pair(bench, { clients: 1, seconds: 1 }));
    const theirs = await referenceLoad(bench, { clients: CLIENTS, seconds });
    many.push({ theirs, ours: (await pair(bench, { clients: CLIENTS, seconds })).hooks });
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
