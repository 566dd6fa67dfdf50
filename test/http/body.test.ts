/** How many bytes of bodies may be in memory at once. */
import { describe, expect, test } from 'bun:test';
import { readBody } from '../../src/http/body.ts';
import { Budget } from '../../src/http/budget.ts';
import { failureOf } from '../../src/http/problem.ts';

const PIECE = 40_000;

/** A body that comes in pieces, each when it is asked for. */
function slow(pieces: number): { request: Request; more(): void } {
  const gates = Array.from({ length: pieces }, () => Promise.withResolvers<void>());
  let next = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const gate = gates.shift();
      if (gate === undefined) return controller.close();
      await gate.promise;
      controller.enqueue(new Uint8Array(PIECE));
    },
  });
  const all = [...gates];
  return {
    request: new Request('http://localhost/', { method: 'POST', body }),
    more: () => all[next++]?.resolve(),
  };
}

const LIMIT = 1_000_000;

describe('bodies in memory at once', () => {
  test('what is too much is refused as busy, and its bytes are free again', async () => {
    const budget = new Budget(3 * PIECE);
    const [first, second] = [slow(2), slow(2)];
    using one = budget.share();
    const whole = readBody(first.request, LIMIT, one);
    for (const body of [first, first]) body.more();
    expect((await whole).length).toBe(2 * PIECE);
    {
      using two = budget.share();
      const refused = readBody(second.request, LIMIT, two);
      for (const body of [second, second]) body.more();
      expect(failureOf(await refused.catch((error: unknown) => error)).code).toBe('busy');
      expect(budget.used).toBe(3 * PIECE);
    }
    expect(budget.used).toBe(2 * PIECE);
  });

  test('who only says that much will come takes no room', async () => {
    const budget = new Budget(PIECE);
    const silent = slow(1);
    silent.request.headers.set('content-length', String(LIMIT));
    using share = budget.share();
    const reading = readBody(silent.request, LIMIT, share);
    expect(budget.used).toBe(0);
    silent.more();
    expect((await reading).length).toBe(PIECE);
    expect(budget.used).toBe(PIECE);
  });
});
