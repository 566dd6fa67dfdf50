/** Durable sends: one client against the floors, 64 clients against the reference broker. */
import { echoFloor, referenceLoad, syncFloor } from './floors.ts';
import { type Load, daemonSenders, drive } from './load.ts';
import { type Row, milliseconds } from './report.ts';
import { type Bench, withSite } from './site.ts';
import { median } from './statistics.ts';

const CLIENTS = 64;

export async function oneClientRow(bench: Bench): Promise<Row[]> {
  const rounds = await oneClientRounds(bench);
  // Where the scheduler puts two processes that talk decides much: so each figure is the median of rounds.
  const echo = median(rounds.map((round) => round.echo));
  const sync = median(rounds.map((round) => round.sync));
  const p50 = median(rounds.map((round) => round.load.p50));
  const p99 = median(rounds.map((round) => round.load.p99));
  const perSecond = median(rounds.map((round) => round.load.perSecond));
  const ratio = p50 / (echo + sync);
  return [
    {
      measure: 'durable send of 1 KiB, 1 client, p50',
      found: `${milliseconds(p50)} (p99 ${milliseconds(p99)}), ${Math.round(perSecond)}/s`,
      against: `echo ${milliseconds(echo)} + append and fdatasync ${milliseconds(sync)}`,
      figure: ratio,
      aim: '≤ 2 ×',
      met: ratio <= 2,
      numbers: { p50Ms: p50, p99Ms: p99, perSecond, echoP50Ms: echo, syncP50Ms: sync },
    },
  ];
}

interface Round {
  readonly echo: number;
  readonly sync: number;
  readonly load: Load;
}

/** Floor and product in turn: a machine that changes meanwhile is seen in both. */
async function oneClientRounds(bench: Bench): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let round = 0; round < (bench.quick ? 3 : 7); round += 1) {
    const echo = await echoFloor(bench);
    const sync = await syncFloor(bench);
    const load = await daemonLoad(bench, { clients: 1, seconds: 1 });
    rounds.push({ echo: echo.p50, sync: sync.p50, load });
  }
  return rounds;
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
