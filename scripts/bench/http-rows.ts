/** The HTTP door: what it adds to the daemon's own send, what it bears, and how fast an event arrives. */
import { referenceLoad } from './floors.ts';
import { httpSender, mcpCaller, openStream, residentBytes, withDoor } from './http-door.ts';
import { type Load, daemonSenders, drive, type Sender } from './load.ts';
import { type Row, milliseconds } from './report.ts';
import { type Bench, type Site, withSite } from './site.ts';
import { median, spread, timed } from './statistics.ts';

const CLIENTS = 64;
const STREAMS = 1_000;
export async function httpRows(bench: Bench): Promise<Row[]> {
  return [
    ...(await oneRow(bench)),
    ...(await manyRow(bench)),
    ...(await eventRow(bench)),
    await mcpCallRow(bench),
    ...(await streamsRow(bench)),
  ];
}

async function oneRow(bench: Bench): Promise<Row[]> {
  const own: Load[] = [];
  const http: Load[] = [];
  for (let round = 0; round < (bench.quick ? 3 : 7); round += 1) {
    await withSite(bench, async (site) => {
      const senders = await daemonSenders(site.socket, 1);
      await drive(senders, { count: 300 });
      own.push(await drive(senders, { seconds: 1 }));
      for (const sender of senders) sender.close();
      http.push(await httpLoad(site, bench, { clients: 1, seconds: 1 }));
    });
  }
  const [ours, theirs] = [median(http.map(({ p50 }) => p50)), median(own.map(({ p50 }) => p50))];
  const p99 = median(http.map((load) => load.p99));
  const ratio = ours / theirs;
  return [
    {
      measure: 'POST /v1/send of 1 KiB → durable, 1 client, p50',
      found: `${milliseconds(ours)} (p99 ${milliseconds(p99)})`,
      against: `the daemon’s own send ${milliseconds(theirs)}`,
      figure: ratio,
      aim: '≤ 2.5 ×',
      met: ratio <= 2.5,
      numbers: { p50Ms: ours, p99Ms: p99, ownP50Ms: theirs },
    },
  ];
}

async function manyRow(bench: Bench): Promise<Row[]> {
  const seconds = bench.quick ? 1 : 3;
  const ours: Load[] = [];
  const theirs: Load[] = [];
  for (let round = 0; round < (bench.quick ? 1 : 3); round += 1) {
    theirs.push(await referenceLoad(bench, { clients: CLIENTS, seconds }));
    ours.push(await withSite(bench, (site) => httpLoad(site, bench, { clients: CLIENTS, seconds })));
  }
  const found = median(ours.map((load) => load.perSecond));
  const reference = median(theirs.map((load) => load.perSecond));
  const p99 = median(ours.map((load) => load.p99));
  const ratio = found / reference;
  return [
    {
      measure: `POST /v1/send of 1 KiB, ${CLIENTS} connections, one outstanding each`,
      found: `${Math.round(found)}/s (p99 ${milliseconds(p99)})`,
      against: `reference broker ${Math.round(reference)}/s`,
      figure: ratio,
      aim: '≥ 3 ×',
      met: ratio >= 3,
      numbers: { perSecond: found, referencePerSecond: reference, p99Ms: p99 },
    },
  ];
}

async function eventRow(bench: Bench): Promise<Row[]> {
  return await withSite(bench, async (site) => {
    return await withDoor(site, bench, async ({ port }) => {
      let arrived: ((at: number) => void) | undefined;
      let marker = '';
      let rest = '';
      const stream = await openStream(port, tokenOf(site, 'reader'), (chunk) => {
        rest = (rest + chunk).slice(-4_096);
        if (arrived !== undefined && rest.includes(marker)) arrived(performance.now());
      });
      const sender = await httpSender(port, tokenOf(site, 'writer'), 'reader');
      const samples: number[] = [];
      for (let round = -50; round < (bench.quick ? 200 : 1_000); round += 1) {
        marker = Bun.randomUUIDv7();
        const arriving = new Promise<number>((resolve) => {
          arrived = resolve;
        });
        const begun = performance.now();
        const sending = sender.send(marker);
        const took = (await arriving) - begun;
        await sending;
        if (round >= 0) samples.push(took);
      }
      sender.close();
      stream.close();
      const { p50, p99, count } = spread(samples);
      return [
        {
          measure: 'POST /v1/send → event at a subscriber, p50',
          found: `${milliseconds(p50)} (p99 ${milliseconds(p99)})`,
          against: '',
          figure: p50,
          aim: '< 2 ms',
          met: p50 < 2,
          numbers: { p50Ms: p50, p99Ms: p99, rounds: count },
        },
      ];
    });
  });
}

/** An agent may send 30 in a row before the loop guard slows it down: so many agents take turns. */
const BURST = 25;

/** The tool `send` over `/mcp`, from the question to the whole answer. */
async function mcpCallRow(bench: Bench): Promise<Row> {
  return await withSite(bench, async (site) => {
    return await withDoor(site, bench, async ({ port }) => {
      const samples: number[] = [];
      for (let number = 0; number < (bench.quick ? 4 : 12); number += 1) {
        const caller = await mcpCaller(port, tokenOf(site, `caller-${number}`));
        for (let round = -5; round < BURST; round += 1) {
          const took = await timed(() => caller.call('send', { to: 'sink', text: Bun.randomUUIDv7() }));
          if (round >= 0) samples.push(took);
        }
        caller.close();
      }
      const { p50, p99, count } = spread(samples);
      return {
        measure: 'tool call send over /mcp → durable, p50',
        found: `${milliseconds(p50)} (p99 ${milliseconds(p99)})`,
        against: '',
        figure: p50,
        aim: '< 2 ms',
        met: p50 < 2,
        numbers: { p50Ms: p50, p99Ms: p99, rounds: count },
      };
    });
  });
}

async function streamsRow(bench: Bench): Promise<Row[]> {
  if (process.platform !== 'linux') {
    bench.note('memory of streams: skipped, it is read from /proc');
    return [];
  }
  return await withSite(bench, async (site) => {
    return await withDoor(site, bench, async ({ port, pid }) => {
      let shown = 0;
      const token = tokenOf(site, 'crowd');
      const before = residentBytes(pid) / 1e6;
      const streams = [];
      for (let number = 0; number < STREAMS; number += 1)
        streams.push(
          await openStream(port, token, (chunk) => {
            shown += chunk.split('event: message').length - 1;
          }),
        );
      const sender = await httpSender(port, tokenOf(site, 'writer'), 'crowd');
      const begun = performance.now();
      await sender.send('to everybody');
      while (shown < STREAMS) await Bun.sleep(1);
      const took = performance.now() - begun;
      const megabytes = residentBytes(pid) / 1e6;
      for (const stream of streams) stream.close();
      sender.close();
      return [
        {
          measure: `${STREAMS} open event streams, memory of ipc serve`,
          found: `${megabytes.toFixed(0)} MB resident; one message at all of them in ${milliseconds(took)}`,
          against: `${before.toFixed(0)} MB without`,
          figure: megabytes,
          aim: '< 150 MB',
          met: megabytes < 150,
          numbers: { megabytes, before, allMs: took },
        },
      ];
    });
  });
}

async function httpLoad(
  site: Site,
  bench: Bench,
  { clients, seconds }: { clients: number; seconds: number },
): Promise<Load> {
  return await withDoor(site, bench, async ({ port }) => {
    const token = tokenOf(site, 'writer');
    const senders: Sender[] = [];
    for (let number = 0; number < clients; number += 1)
      senders.push(await httpSender(port, token, `sink-${number}`));
    await drive(senders, { count: 300 * Math.min(clients, 20) });
    const load = await drive(senders, { seconds });
    for (const sender of senders) sender.close();
    return load;
  });
}

function tokenOf(site: Site, agent: string): string {
  return site.ipc('token', 'create', '--agent', agent).stdout.trim();
}
