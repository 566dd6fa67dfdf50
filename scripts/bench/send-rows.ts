/** Durable sends: one client against the floors, 64 clients against the reference broker. */
import { echoFloor, referenceLoad, syncFloor } from './floors.ts';
import { type Load, daemonSenders, drive } from './load.ts';
import { type Row, milliseconds } from './report.ts';
import { type Bench, withSite } from './site.ts';
import { median } from './statistics.ts';

const CLIENTS = 64;

export async function oneClientRow(bench: Bench): Promise<Row[]> {
  // Floors before and after: a machine that changes in between is seen in both.
  const echoes = [await echoFloor(bench)];
  const syncs = [await syncFloor(bench)];
  const load = await daemonLoad(bench, { clients: 1, seconds: bench.quick ? 1 : 4 });
  echoes.push(await echoFloor(bench));
  syncs.push(await syncFloor(bench));
  const echo = median(echoes.map((each) => each.p50));
  const sync = median(syncs.map((each) => each.p50));
  const ratio = load.p50 / (echo + sync);
  return [
    {
      measure: 'durable send of 1 KiB, 1 client, p50',
      found: `${milliseconds(load.p50)} (p99 ${milliseconds(load.p99)}), ${Math.round(load.perSecond)}/s`,
      against: `echo ${milliseconds(echo)} + append and fdatasync ${milliseconds(sync)}`,
      figure: ratio,
      aim: '≤ 2 ×',
      met: ratio <= 2,
      numbers: {
        p50Ms: load.p50,
        p99Ms: load.p99,
        perSecond: load.perSecond,
        echoP50Ms: echo,
        syncP50Ms: sync,
      },
    },
  ];
}

export async function manyClientsRow(bench: Bench): Promise<Row[]> {
  const seconds = bench.quick ? 1 : 3;
  const ours: Load[] = [];
  const theirs: Load[] = [];
  for (let round = 0; round < (bench.quick ? 1 : 3); round += 1) {
    theirs.push(await referenceLoad(bench, { clients: CLIENTS, seconds }));
    ours.push(await daemonLoad(bench, { clients: CLIENTS, seconds }));
  }
  const found = median(ours.map((load) => load.perSecond));
  const reference = median(theirs.map((load) => load.perSecond));
  const ratio = found / reference;
  const p50 = median(ours.map((load) => load.p50));
  const p99 = median(ours.map((load) => load.p99));
  return [
    {
      measure: `durable sends of 1 KiB, ${CLIENTS} clients, one outstanding each`,
      found: `${Math.round(found)}/s (p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)})`,
      against: `reference broker ${Math.round(reference)}/s`,
      figure: ratio,
      aim: '≥ 5 ×',
      met: ratio >= 5,
      numbers: { perSecond: found, referencePerSecond: reference, p50Ms: p50, p99Ms: p99 },
    },
  ];
}

async function daemonLoad(bench: Bench, options: { clients: number; seconds: number }): Promise<Load> {
  return await withSite(bench, async (site) => {
    const senders = await daemonSenders(site.socket, options.clients);
    await drive(senders, { count: 200 * Math.min(options.clients, 20) });
    const load = await drive(senders, { seconds: options.seconds });
    for (const sender of senders) sender.close();
    return load;
  });
}
