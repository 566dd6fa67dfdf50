/** Random histories: whatever order things happen in, the store keeps its own books right. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { AgentId } from '../../src/core/records/agents.ts';
import { HOUR, compose, named, openTown, type OpenEngine, type Town } from './town.ts';

const NAMES = ['ann', 'bob', 'cyd'] as const;
const who = fc.constantFrom(...NAMES);
const reader = fc.constantFrom('reader-one', 'reader-two');

interface Cast {
  readonly town: Town;
  readonly ids: Record<(typeof NAMES)[number], AgentId>;
  readonly sent: string[];
  steps: number;
}

type Step = (cast: Cast) => Promise<unknown>;

const sends = fc
  .tuple(who, fc.subarray([...NAMES, 'ghost', '#t', '@all'], { minLength: 1 }), fc.nat(3))
  .map(([from, to, kind]): Step => async ({ town, ids, sent }) => {
    const more = [
      {},
      { notBefore: town.now + HOUR },
      { expiresAt: town.now + HOUR },
      { replyTo: sent[0] ?? null, intent: 'request' as const },
    ][kind];
    const posting = town.posting(ids[from], to, 'text', more);
    if ((await town.post(posting)).ok) sent.unshift(posting.id);
  });
const fetches = fc
  .tuple(who, reader, fc.integer({ min: 1, max: 4 }), fc.constantFrom(null, 'offered', 'handed', 'seen'))
  .map(([name, by, limit, stage]): Step => async ({ town, ids }) => {
    const fetched = await town.fetch(ids[name], { reader: by, limit });
    if (stage !== null) await town.confirm(ids[name], fetched, { reader: by, stage });
  });
const others = fc
  .tuple(who, who, fc.nat(11))
  .map(([name, other, kind]): Step => async ({ town, ids, sent, steps }) => {
    const agent = ids[name];
    const { store, now } = town;
    const acts = [
      () => store.ack({ agent, ids: sent.slice(0, 2), now }),
      () => store.cancel({ sender: agent, id: sent[1] ?? 'none', now }),
      () => store.clear({ agent, now }),
      () => store.pause({ agent, until: now + HOUR, now }),
      () => store.pause({ agent, until: null, now }),
      () => store.mute({ agent, name: named(other), muted: steps % 2 === 0, now }),
      () => store.release({ id: null, name: null, now }),
      () => store.join({ agent, topic: named('t'), now }),
      () => store.remind({ agent, now, compose }),
      () => store.abandon({ reader: 'reader-one' }),
      () => rename(town, agent, `${name}-${steps}`),
      () => store.remove({ name: named('ghost'), force: true, deadAnchor: null, now }),
    ];
    await acts[kind]?.();
  });
const waits = fc.constantFrom(1_000, 31_000, 2 * HOUR).map((milliseconds): Step => async ({ town }) => {
  town.pass(milliseconds);
  await town.sweep({ keepSince: town.now - 4 * HOUR, limit: 3 });
});

function rename(town: Town, agent: AgentId, name: string): Promise<unknown> {
  const times = { until: town.now + HOUR, tellSince: 0, now: town.now };
  return town.store.rename({ agent, name: named(name), notice: { id: `to ${name}`, body: name }, ...times });
}

export function historiesContract(open: OpenEngine): void {
  test('counters, places and the search index are right after any history', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: sends },
      { weight: 4, arbitrary: fetches },
      { weight: 4, arbitrary: others },
      { weight: 1, arbitrary: waits },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        await using town = await openTown(open);
        const ids = {
          ann: await town.agent('ann', 'agent'),
          bob: await town.agent('bob', 'agent'),
          cyd: await town.agent('cyd', 'human'),
        };
        const cast: Cast = { town, ids, sent: [], steps: 0 };
        for (const act of steps) {
          cast.steps += 1;
          await act(cast);
        }
        expect((await town.store.verify()).problems).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
}
