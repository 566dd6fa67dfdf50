/** Connections cut five hundred times while cells run: no call hangs, none gets another's answer. */
import { describe, expect, test } from 'bun:test';
import { channelNames } from '../../src/kernel/connection-info.ts';
import type { KernelSession } from '../../src/kernel/session.ts';
import { streamText, outline, run } from './cells.ts';
import { proxyBefore } from './proxy.ts';
import { missing, realKernel } from './real-kernel.ts';
import { until } from '../support/until.ts';

const CUTS = 500;
const SEED = 20_261_121;

interface Side {
  readonly proxy: ReturnType<typeof proxyBefore>;
  readonly session: KernelSession;
  ended: number;
}

describe.skipIf(missing !== undefined)('chaos', () => {
  test(`${CUTS} cuts: every cell ends, told as it was, and none ran twice`, async () => {
    await using kernel = await realKernel();
    const direct = await kernel.attach();
    await run(direct, 'ran = []');
    // Two at once, each behind a proxy of its own: most of the time goes by while connections come back.
    using first = proxyBefore(kernel.info);
    using second = proxyBefore(kernel.info);
    const sides: Side[] = [];
    for (const proxy of [first, second]) {
      sides.push({ proxy, session: await kernel.attach({}, proxy.info), ended: 0 });
    }
    const random = seeded(SEED);
    const ends: Record<string, number> = {};
    const wrong: string[] = [];
    let cells = 0;
    let cuts = 0;
    let slowest = 0;
    let gaps = 0;
    const work = async (side: Side, owner: string) => {
      while (cuts < CUTS) {
        cells += 1;
        const at = cells;
        const cell = side.session.execute({ code: `ran.append(${at}); print(${at})`, owner });
        const begun = performance.now();
        if (!(await cell.wait(20_000))) wrong.push(`cell ${at} hangs`);
        side.ended += 1;
        slowest = Math.max(slowest, performance.now() - begun);
        const { view } = cell;
        const kind = view.end?.kind ?? 'none';
        ends[kind] = (ends[kind] ?? 0) + 1;
        const said = streamText(view);
        if (!`${at}\n`.startsWith(said)) wrong.push(`cell ${at} has ${JSON.stringify(said)}`);
        const whole = said === `${at}\n`;
        if (kind === 'ok' && !whole && !view.incomplete) wrong.push(`cell ${at} lost output in silence`);
        if (view.incomplete) gaps += 1;
        if (kind === 'never ran') never.push(at);
      }
    };
    const never: number[] = [];
    const cut = async (side: Side) => {
      const { proxy } = side;
      while (cuts < CUTS) {
        await until(() => proxy.open > 0, 'a connection to cut');
        if (proxy.cut(random())) cuts += 1;
        // Some cuts fall together, some when all is up again, some only after a cell came through.
        const pace = random();
        const before = side.ended;
        if (pace < 0.4) await until(() => side.ended > before, 'a cell to end', 20_000);
        else if (pace < 0.8)
          await until(() => proxy.open >= channelNames.length - 1, 'the connections to be back');
      }
    };
    await Promise.all(sides.flatMap((side) => [work(side, 'bob'), work(side, 'nessa'), cut(side)]));
    const last = sides.map(({ session }) => session.execute({ code: 'print("whole")', owner: 'bob' }));
    await Promise.all(last.map((cell) => cell.wait(20_000)));
    process.stderr.write(
      `chaos (seed ${SEED}): ${cuts} cuts, ${cells} cells, ${JSON.stringify(ends)}, ${gaps} with gaps they tell, slowest ${slowest.toFixed(0)} ms\n`,
    );
    expect(wrong).toEqual([]);
    expect(last.map(({ view }) => view.end)).toEqual([{ kind: 'ok' }, { kind: 'ok' }]);
    const [twice] = outline(await run(direct, 'sorted(x for x in set(ran) if ran.count(x) > 1)'));
    expect(twice).toBe('result: []');
    const [untrue] = outline(await run(direct, `[x for x in ${JSON.stringify(never)} if x in ran]`));
    expect(untrue).toBe('result: []');
    expect((ends['ok'] ?? 0) + (ends['lost'] ?? 0) + (ends['never ran'] ?? 0)).toBe(cells);
  }, 60_000);
});

/** mulberry32: the same cuts for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
