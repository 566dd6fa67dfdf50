/** How fast a message reaches somebody who is there: one watcher's stdout, and a hundred watchers at once. */
import { type Row, milliseconds } from './report.ts';
import { eachLine } from './lines.ts';
import { type Session, openSession } from './session.ts';
import { type Bench, type Site, withSite } from './site.ts';
import { type Spread, spread } from './statistics.ts';

const WATCHERS = 100;

/** From the moment the sender writes to the moment the recipient's process has printed it. */
export async function pushRow(bench: Bench): Promise<Row[]> {
  return await withSite(bench, async (site) => {
    const arrivals = new Arrivals();
    const watcher = Bun.spawn([bench.binary, 'watch', '--as', 'watcher', '--json'], {
      env: site.env,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
    });
    const reading = eachLine(watcher.stdout, (line) => {
      arrivals.add(line);
    });
    const found = await pushes(site, arrivals, {
      to: 'watcher',
      times: 1,
      rounds: bench.quick ? 200 : 1_000,
    });
    watcher.kill();
    await Promise.all([watcher.exited, reading]);
    const { p50, p99, count } = found;
    return [
      {
        measure: 'send → on the recipient’s stdout, p50',
        found: `${milliseconds(p50)} (p99 ${milliseconds(p99)})`,
        against: 'brokers that poll: up to 1 s',
        figure: p50,
        aim: '< 1.5 ms, p99 < 8 ms',
        met: p50 < 1.5 && p99 < 8,
        numbers: { p50Ms: p50, p99Ms: p99, rounds: count },
      },
    ];
  });
}

/** One message to a topic with a hundred members, until the last of them has it. */
export async function fanOutRow(bench: Bench): Promise<Row[]> {
  return await withSite(bench, async (site) => {
    const arrivals = new Arrivals();
    const watchers: Session[] = [];
    for (let number = 0; number < WATCHERS; number += 1) {
      const watcher = await openSession({
        socket: site.socket,
        name: `watcher-${number}`,
        item: (text) => {
          arrivals.add(text);
        },
      });
      await watcher.call('topic.join', { topic: 'fan' });
      watcher.follow('watch', {});
      watchers.push(watcher);
    }
    const rounds = bench.quick ? 20 : 100;
    const { p50, p99, count } = await pushes(site, arrivals, { to: '#fan', times: WATCHERS, rounds });
    for (const watcher of watchers) watcher.close();
    return [
      {
        measure: `one send → all of ${WATCHERS} watchers have it, p50`,
        found: `${milliseconds(p50)} (p99 ${milliseconds(p99)})`,
        against: `${milliseconds(p50 / WATCHERS)} a watcher`,
        figure: p50,
        aim: '',
        met: null,
        numbers: { p50Ms: p50, p99Ms: p99, rounds: count },
      },
    ];
  });
}

/** Sends one message at a time; each sample ends when the last of `times` readers has it. */
async function pushes(
  site: Site,
  arrivals: Arrivals,
  options: { to: string; times: number; rounds: number },
): Promise<Spread> {
  const sender = await openSession({ socket: site.socket, name: 'sender' });
  const push = async (): Promise<number> => {
    const marker = Bun.randomUUIDv7();
    const begun = performance.now();
    const arrived = arrivals.of(marker, options.times);
    await sender.call('send', { id: Bun.randomUUIDv7(), to: [options.to], body: marker });
    return (await arrived) - begun;
  };
  // A watch shows nothing older than itself: so it is sent to until all of them answer.
  for (let tries = 0; (await Promise.race([push(), Bun.sleep(300)])) === undefined; tries += 1) {
    if (tries > 30) throw new Error(`waited ${tries} tries for the watchers of ${options.to} in vain`);
  }
  const samples: number[] = [];
  for (let round = -20; round < options.rounds; round += 1) {
    const took = await push();
    if (round >= 0) samples.push(took);
  }
  sender.close();
  return spread(samples);
}

/** Counts the items that carry the marker of the message under way. */
class Arrivals {
  #marker = '';
  #left = 0;
  #resolve: (at: number) => void = () => undefined;

  async of(marker: string, times: number): Promise<number> {
    this.#marker = marker;
    this.#left = times;
    return await new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  add(item: string): void {
    if (this.#left === 0 || !item.includes(this.#marker)) return;
    this.#left -= 1;
    if (this.#left === 0) this.#resolve(performance.now());
  }
}
