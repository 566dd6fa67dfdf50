/** The accounts of the attacks notice what they are kept for. */
import { expect, test } from 'bun:test';
import { hold, Ledger, outOfOrder } from './ledger.ts';

function ledger(...keys: string[]): Ledger {
  const made = new Ledger();
  for (const key of keys) made.acknowledged.set(key, ['bob']);
  return made;
}

const fresh = (key: string) => ({ key, again: false });
const marked = (key: string) => ({ key, again: true });

test('what was shown once, or again and marked after its reader died, is as it should be', () => {
  const kept = ledger('a:1', 'a:2');
  kept.show('bob', [fresh('a:1')], 'died');
  kept.show('bob', [marked('a:1'), fresh('a:2')], 'whole');
  expect(() => hold(kept.broken())).not.toThrow();
  expect(kept.repeats).toBe(1);
});

test('what is lost, doubled, unmarked, marked in vain, out of order or invented is named', () => {
  const kept = ledger('a:1', 'a:2', 'a:3', 'a:4');
  kept.show('bob', [marked('a:2')], 'whole');
  kept.show('bob', [fresh('a:4'), fresh('a:3'), fresh('b:1')], 'whole');
  kept.show('bob', [fresh('a:3')], 'whole');
  expect(kept.broken()).toEqual({
    lost: ['a:1 bob'],
    doubled: ['a:3 bob'],
    unmarked: ['a:3 bob'],
    markedInVain: ['a:2 bob'],
    disordered: ['a:3 bob'],
    invented: ['b:1 bob'],
  });
  expect(() => hold(kept.broken())).toThrow('1 lost: a:1 bob');
});

test('each sender has an order of its own', () => {
  expect(outOfOrder(['a:1', 'b:7', 'a:2', 'b:8'])).toEqual([]);
  expect(outOfOrder(['a:2', 'b:7', 'a:1', 'b:8', 'b:8'])).toEqual(['a:1', 'b:8']);
});
