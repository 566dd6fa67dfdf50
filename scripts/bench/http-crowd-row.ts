/** A thousand agents, each with an open event stream, and five hundred posts a second: is anything lost? */
import { createToken } from '../../src/system/tokens.ts';
import { readEnvironment } from '../../src/system/environment.ts';
import { parseOwnName } from '../../src/protocol/names.ts';
import { resolvePaths } from '../../src/system/paths.ts';
import { httpSender, openStream, residentBytes, withDoor } from './http-door.ts';
import { type Row, milliseconds } from './report.ts';
import { type Bench, type Site, withSite } from './site.ts';
import { spread } from './statistics.ts';

const AGENTS = 1_000;
const PER_SECOND = 500;
const SENDERS = 32;
/** What is on its way when the last post was answered has this long to arrive. */
const LATE_MS = 10_000;

export async function crowdRow(bench: Bench): Promise<Row[]> {
  if (process.platform !== 'linux') {
    bench.note('crowd: skipped, its memory is read from /proc');
    return [];
  }
  const seconds = bench.quick ? 10 : 60;
  return await withSite(bench, async (site) => {
    return await withDoor(site, bench, async ({ port, pid }) => {
      const tokens = await tokensOf(site);
      const seen = new Map<string, number>();
      const streams = [];
      for (const token of tokens) streams.push(await openStream(port, token, counting(seen)));
      const idle = residentBytes(pid) / 1e6;
      const took = await post(port, tokens, seconds);
      const sent = took.length;
      const end = performance.now() + LATE_MS;
      while (seen.size < sent && performance.now() < end) await Bun.sleep(10);
      const doubled = [...seen.values()].filter((times) => times > 1).length;
      const wrong = sent - seen.size + doubled;
      const busy = residentBytes(pid) / 1e6;
      for (const stream of streams) stream.close();
      const { p50, p99 } = spread(took);
      return [
        {
          measure: `${AGENTS} agents with an open stream, ${PER_SECOND} posts/s for ${seconds} s: lost or doubled`,
          found: `${wrong} of ${sent} (POST p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)})`,
          against: `ipc serve ${idle.toFixed(0)} MB quiet, ${busy.toFixed(0)} MB after`,
          figure: wrong,
          aim: '0',
          met: wrong === 0,
          numbers: { sent, wrong, idleMegabytes: idle, busyMegabytes: busy, p50Ms: p50, p99Ms: p99 },
        },
      ];
    });
  });
}

async function tokensOf(site: Site): Promise<string[]> {
  const paths = resolvePaths({ ...readEnvironment(), variables: site.env });
  const tokens: string[] = [];
  for (let number = 0; number < AGENTS; number += 1) {
    const agent = parseOwnName(`agent-of-bench-${number}`);
    const made = await createToken(paths, { agent, scopes: ['check', 'send'], now: Date.now() });
    tokens.push(made.secret);
  }
  return tokens;
}

/** Counts how often each text was shown, wherever a chunk was cut. */
function counting(seen: Map<string, number>): (chunk: string) => void {
  let rest = '';
  return (chunk) => {
    rest += chunk;
    const end = rest.lastIndexOf('\n\n');
    if (end === -1) return;
    for (const [, text = ''] of rest.slice(0, end).matchAll(/"body":"(post \d+)"/g))
      seen.set(text, (seen.get(text) ?? 0) + 1);
    rest = rest.slice(end);
  };
}

/** At a steady rate, as far as the answers keep up; returns how long each post took. */
async function post(port: number, tokens: readonly string[], seconds: number): Promise<number[]> {
  const begun = performance.now();
  const took: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (;;) {
      const number = next;
      next += 1;
      const due = begun + (number / PER_SECOND) * 1_000;
      if (due > begun + seconds * 1_000) return;
      await Bun.sleep(Math.max(0, due - performance.now()));
      const asked = performance.now();
      const sender = await httpSender(
        port,
        tokens[number % AGENTS] ?? '',
        `agent-of-bench-${(number * 7 + 1) % AGENTS}`,
      );
      await sender.send(`post ${number}`);
      sender.close();
      took.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, () => work()));
  return took;
}
