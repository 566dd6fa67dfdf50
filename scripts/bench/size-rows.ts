/**
 * Whether it stays as fast when there is much: the same send, check and search with a thousand messages
 * stored and with many, asked in turn of two daemons, so that both see the same machine.
 */
import { type Row, milliseconds } from './report.ts';
import { type Bench, withSite } from './site.ts';
import { type Spread, spread, timed } from './statistics.ts';
import { type Stock, openStock } from './stock.ts';

const FEW = 1_000;
const verbs = ['send', 'check', 'search', 'searchCommon'] as const;
type Verb = (typeof verbs)[number];
type Measured = Readonly<Record<Verb, Spread>>;

export async function sizeRows(bench: Bench): Promise<Row[]> {
  const many = bench.million ? 1_000_000 : bench.quick ? 10_000 : 50_000;
  return await withSite(
    bench,
    async (small) =>
      await withSite(bench, async (large) => {
        const few = await openStock(small, FEW);
        bench.note(`storing ${many} messages …`);
        const begun = performance.now();
        const lots = await openStock(large, many);
        bench.note(`stored in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
        bench.note(`the search index caught up in ${milliseconds(await timed(lots.search))}`);
        const { small: before, large: after } = await measure(bench, { small: few, large: lots });
        few.close();
        lots.close();
        return verbs.flatMap((verb) => rowsOf(verb, { before, after, many }));
      }),
  );
}

async function measure(
  bench: Bench,
  stocks: { small: Stock; large: Stock },
): Promise<{ small: Measured; large: Measured }> {
  const samples = { small: empty(), large: empty() };
  const batches = bench.quick ? 4 : 20;
  for (let batch = -1; batch < batches; batch += 1) {
    for (const size of ['small', 'large'] as const) {
      for (const verb of verbs) {
        const rounds = verb === 'searchCommon' ? 5 : 50;
        for (let round = 0; round < rounds; round += 1) {
          const took = await stocks[size][verb]();
          if (batch >= 0) samples[size][verb].push(took);
        }
      }
    }
  }
  return { small: spreads(samples.small), large: spreads(samples.large) };
}

function empty(): Record<Verb, number[]> {
  return { send: [], check: [], search: [], searchCommon: [] };
}

function spreads(samples: Record<Verb, number[]>): Measured {
  return {
    send: spread(samples.send),
    check: spread(samples.check),
    search: spread(samples.search),
    searchCommon: spread(samples.searchCommon),
  };
}

function rowsOf(verb: Verb, sizes: { before: Measured; after: Measured; many: number }): Row[] {
  const { before, after, many } = sizes;
  const common = verb === 'searchCommon';
  const name = common ? 'search for a word in every message' : verb;
  return (['p50', 'p99'] as const).map((which) => {
    const ratio = after[verb][which] / before[verb][which];
    return {
      measure: `${FEW} → ${many} stored: ${name}, ${which}`,
      found: milliseconds(after[verb][which]),
      against: milliseconds(before[verb][which]),
      figure: ratio,
      aim: common ? '' : '< 1.3 ×',
      met: common ? null : ratio < 1.3,
      numbers: { ms: after[verb][which], fewMs: before[verb][which], rounds: after[verb].count },
    };
  });
}
