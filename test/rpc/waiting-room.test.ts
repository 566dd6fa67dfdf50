import { expect, test } from 'bun:test';
import { WaitingRoom } from '../../src/rpc/waiting-room.ts';

test('the oldest of the process that has most is the next to give up its place', () => {
  const room = new WaitingRoom<string>();
  room.enter(1, 'alone');
  for (const number of [1, 2, 3]) room.enter(2, `one of many ${number}`);
  expect(room.next()).toBe('one of many 1');
  room.leave(2, 'one of many 1');
  expect(room.next()).toBe('one of many 2');
  for (const number of [2, 3]) room.leave(2, `one of many ${number}`);
  expect(room.next()).toBe('alone');
  room.leave(1, 'alone');
  room.leave(1, 'never here');
  expect(room.next()).toBeUndefined();
});
